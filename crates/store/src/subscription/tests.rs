use super::*;

#[test]
fn nested_prefixes_are_followed_once() {
    let given = ["b/", "a/x/", "a/", "a/x/y", "a0", "b/"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(outermost(given), ["a/", "a0", "b/"]);
    assert_eq!(outermost(vec!["x".into(), String::new()]), [""]);
    assert!(outermost(Vec::new()).is_empty());
}
