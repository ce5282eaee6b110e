use super::*;

#[test]
fn slot_freed_last_is_used_first() {
    let mut pool = Pool::default();
    assert_eq!(
        [pool.insert('a'), pool.insert('b'), pool.insert('c')],
        [0, 1, 2]
    );
    assert_eq!(pool.remove(0), Some('a'));
    assert_eq!(pool.remove(2), Some('c'));
    assert_eq!(pool.remove(2), None);
    assert_eq!(
        [pool.insert('d'), pool.insert('e'), pool.insert('f')],
        [2, 0, 3]
    );
    let all: Vec<_> = pool.iter().map(|(at, element)| (at, *element)).collect();
    assert_eq!(all, [(0, 'e'), (1, 'b'), (2, 'd'), (3, 'f')]);
}

#[test]
fn lowest_free_number_is_used_first() {
    let mut ids = IdSet::new(66);
    for expected in 0..66 {
        assert_eq!(ids.first_free(), Some(expected));
        assert!(ids.take(expected));
    }
    assert_eq!(ids.first_free(), None);
    assert!(!ids.take(66), "beyond the limit");
    ids.release(3);
    assert!(!ids.take(4), "in use");
    assert_eq!(ids.first_free(), Some(3));
}
