use super::*;

fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
        .collect()
}

#[test]
fn the_headers_say_what_is_wanted() {
    let cases = [
        (headers(&[]), Precondition::None),
        (headers(&[(header::IF_MATCH, "*")]), Precondition::Present),
        (
            headers(&[(header::IF_NONE_MATCH, " * ")]),
            Precondition::Absent,
        ),
        (
            headers(&[(header::IF_MATCH, "\"12\"")]),
            Precondition::Revision(vec![12]),
        ),
        (
            headers(&[(header::IF_MATCH, "\"12\" , \"7\"")]),
            Precondition::Revision(vec![12, 7]),
        ),
    ];
    for (headers, wanted) in cases {
        assert_eq!(Precondition::of(&headers).unwrap(), wanted, "{headers:?}");
    }
}

#[test]
fn what_is_no_tag_of_ours_is_refused() {
    for text in [
        "12",
        "W/\"12\"",
        "\"abc\"",
        "\"12",
        "",
        "\"12\",",
        "\"99999999999999999999\"",
    ] {
        let map: HeaderMap = [(header::IF_MATCH, HeaderValue::from_str(text).unwrap())]
            .into_iter()
            .collect();
        let error = Precondition::of(&map).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadRequest, "{text}");
        assert_eq!(error.field.as_deref(), Some("if-match"));
    }
    for pairs in [
        headers(&[(header::IF_NONE_MATCH, "\"12\"")]),
        headers(&[(header::IF_NONE_MATCH, "*"), (header::IF_MATCH, "*")]),
    ] {
        assert_eq!(
            Precondition::of(&pairs).unwrap_err().code,
            ErrorCode::BadRequest
        );
    }
}

#[test]
fn a_precondition_is_met_or_says_what_is_there() {
    for (wanted, met, unmet) in [
        (Precondition::Absent, 0, 3),
        (Precondition::Present, 3, 0),
        (Precondition::Revision(vec![3, 4]), 4, 5),
        (Precondition::Revision(vec![0]), 0, 0),
    ] {
        if met != unmet {
            assert_eq!(wanted.check(met), Ok(()));
        }
        let error = wanted.check(unmet).unwrap_err();
        assert_eq!(
            (error.code, error.revision),
            (ErrorCode::PreconditionFailed, Some(unmet))
        );
    }
}
