use super::*;

#[test]
fn order_follows_the_declarations() {
    for feature in INPUTS {
        for later in feature.runs_before() {
            assert!(
                feature.bit().0 > later.bit().0,
                "{feature:?} must run before {later:?}"
            );
        }
    }
}

#[test]
fn next_node_is_that_of_the_first_feature_left() {
    let all = INPUTS
        .iter()
        .fold(Bitmap::default(), |map, feature| map.with(feature.bit()));
    assert_eq!(all.next_node(), NodeId::L2InputFeatArc);
    let left = all.without(InputFeature::FeatureArc.bit());
    assert_eq!(left.next_node(), NodeId::L2InputAcl);
    let left = left.without(InputFeature::Acl.bit());
    assert_eq!(left.next_node(), NodeId::L2InputVtr);
    let left = left.without(InputFeature::Vtr.bit());
    assert_eq!(left.next_node(), NodeId::L2Learn);
    assert_eq!(InputFeature::Flood.bit().next_node(), NodeId::L2Flood);
    assert_eq!(Bitmap(0).next_node(), NodeId::FeatureBitmapDrop);
}
