use super::*;

#[test]
fn names_and_texts_are_borrowed_unless_they_have_escapes() {
    let json = Json::of(br#"{"plain": "text", "es\u0063aped": "t\u0065xt"}"#).unwrap();
    let Json::Object(Object(fields)) = json else {
        panic!("{json:?}");
    };
    let borrowed: Vec<_> = fields
        .iter()
        .map(|(name, value)| {
            let Json::Text(text) = value else {
                panic!("{value:?}");
            };
            assert_eq!(text, "text");
            let is_borrowed = |text: &Cow<'_, str>| matches!(text, Cow::Borrowed(_));
            (name.as_ref(), is_borrowed(name), is_borrowed(text))
        })
        .collect();
    assert_eq!(borrowed, [("plain", true, true), ("escaped", false, false)]);
}
