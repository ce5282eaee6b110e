use super::*;

#[test]
fn a_copy_keeps_what_it_had_and_shares_what_is_not_changed() {
    let mut numbers: Chunked<u64> = Chunked::new();
    *numbers.get_mut(3) = 30;
    *numbers.get_mut(200) = 2000;
    let copy = numbers.clone();
    *numbers.get_mut(3) = 31;
    assert_eq!((*numbers.get(3), *copy.get(3)), (31, 30));
    assert!(
        Arc::ptr_eq(&numbers.chunks[3], &copy.chunks[3]),
        "untouched"
    );
    assert!(!Arc::ptr_eq(&numbers.chunks[0], &copy.chunks[0]), "changed");
}

#[test]
fn what_was_never_set_reads_as_the_default() {
    let mut numbers: Chunked<u64> = Chunked::new();
    *numbers.get_mut(64) = 1;
    assert_eq!(
        [0, 63, 65, 128, u32::MAX].map(|at| *numbers.get(at)),
        [0; 5]
    );
}
