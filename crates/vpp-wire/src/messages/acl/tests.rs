use super::*;

fn written(acls: &InterfaceAcls) -> Vec<u8> {
    let mut out = Vec::new();
    acls.encode(&mut Writer::new(&mut out));
    out
}

#[test]
fn input_comes_before_output_in_one_count() {
    let acls = InterfaceAcls::new(vec![7, 5], vec![6]).unwrap();
    let bytes = [3, 2, 0, 0, 0, 7, 0, 0, 0, 5, 0, 0, 0, 6];
    assert_eq!(written(&acls), bytes);
    assert_eq!(InterfaceAcls::decode(&mut Reader::new(&bytes)), Ok(acls));
}

#[test]
fn more_than_can_be_counted_are_refused() {
    assert!(InterfaceAcls::new(vec![0; 200], vec![0; 55]).is_ok());
    assert_eq!(
        InterfaceAcls::new(vec![0; 200], vec![0; 56]),
        Err(TooManyElements { count: 256 })
    );
}

#[test]
fn more_input_than_there_is_takes_all() {
    let read = InterfaceAcls::decode(&mut Reader::new(&[1, 9, 0, 0, 0, 4])).unwrap();
    assert_eq!((read.input(), read.output()), (&[4][..], &[][..]));
    assert_eq!(written(&read), [1, 1, 0, 0, 0, 4]);
}
