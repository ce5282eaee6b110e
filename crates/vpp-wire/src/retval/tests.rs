use super::*;

#[test]
fn names_are_sorted_and_agree_with_the_constants() {
    assert!(NAMES.is_sorted_by(|(_, a), (_, b)| a < b));
    assert_eq!(Retval::BD_IN_USE.name(), Some("BD_IN_USE"));
    assert_eq!(Retval::EAGAIN.name(), Some("EAGAIN"));
    assert_eq!(EXPLANATIONS.len(), 58);
    for (retval, _) in EXPLANATIONS {
        assert!(retval.name().is_some(), "{retval:?}");
    }
}

#[test]
fn every_value_can_be_shown() {
    assert_eq!(
        Retval::BD_IN_USE.to_string(),
        "BD_IN_USE (-120): the bridge domain still has members"
    );
    assert_eq!(Retval(-5).to_string(), "NO_SUCH_LABEL (-5)");
    assert_eq!(Retval(-158).to_string(), "unknown error -158");
    assert_eq!(Retval(i32::MIN).to_string(), "unknown error -2147483648");
    assert_eq!(Retval(1).to_string(), "success (1)");
    assert!(!Retval(1).is_error());
}
