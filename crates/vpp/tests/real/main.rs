//! The client against a dataplane that moves packets: the VPP whose API socket `WEFT_VPP_API` names,
//! or else the embedded switch.
//!
//! ```text
//! WEFT_VPP_API=/run/vpp/api.sock cargo test -p weft-vpp --test real -- --nocapture
//! ```
//!
//! It needs root, for the devices behind the uplinks.

#![cfg(test)] // so that the helpers count as test code for the lints

mod network;
mod overlay;
mod policy;
mod support;
mod vhost_user;

use weft_vpp::CallError;
use weft_vpp_wire::SwIfIndex;
use weft_vpp_wire::messages::tapv2::TapDeleteV2;
use weft_vpp_wire::messages::vpe::ShowVersion;

use support::{Dataplane, connect};

#[tokio::test]
async fn a_refused_call_does_not_end_the_connection() {
    let dataplane = Dataplane::find().await;
    let (connection, _events) = connect(&dataplane.socket).await;
    let delete = TapDeleteV2 {
        sw_if_index: SwIfIndex(1 << 20),
    };
    let error = connection.request(delete).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { .. }), "{error}");
    connection.request(ShowVersion {}).await.unwrap();
}
