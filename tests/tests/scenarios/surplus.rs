//! What a killed agent left in the dataplane's queue is done when its successor has looked already.

use std::time::Duration;

use anyhow::{Result, ensure};
use weft_lab::wait_until;
use weft_tests::{Port, Setup, scenario};
use weft_vpp_wire::messages::l2::BridgeDomainAddDelV2;
use weft_vpp_wire::messages::tapv2::TapCreateV3;
use weft_vpp_wire::{BdId, FixedString, VarString};

/// The agent looks again a second after it was connected, then after two, four, and so on.
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn s20_what_was_made_twice_is_removed_and_traffic_does_not_notice() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        let one = cloud.vm("one", [10, 0, 0, 1])?;
        let two = cloud.vm("two", [10, 0, 0, 2])?;
        cloud.boot(host, "p1", &Port::vlan(1, 100), &one).await?;
        cloud.boot(host, "p2", &Port::vlan(2, 100), &two).await?;
        let wanted = host.contents().await?.ours();

        let (api, _events) = host.api().await?;
        api.request(BridgeDomainAddDelV2 {
            bd_id: BdId(77),
            flood: true,
            uu_flood: true,
            learn: true,
            forward: true,
            bd_tag: FixedString::try_from("weft.bridge.physnet1.vlan.100")?,
            is_add: true,
            ..BridgeDomainAddDelV2::default()
        })
        .await?;
        api.request(TapCreateV3 {
            id: u32::MAX,
            use_random_mac: true,
            num_rx_queues: 1,
            num_tx_queues: 1,
            host_if_name: FixedString::try_from("tapsecond")?.into(),
            tag: VarString::from("weft.tap.p1"),
            ..TapCreateV3::default()
        })
        .await?;
        let doubled = host.contents().await?.ours();
        ensure!(doubled.len() == wanted.len() + 2, "{doubled:?}");

        wait_until("that what was made twice is gone", LIMIT, async || {
            let ours = match host.contents().await {
                Ok(contents) => contents.ours(),
                Err(error) => return Ok(Err(error.to_string())),
            };
            Ok(if ours == wanted {
                Ok(())
            } else {
                Err(format!("{ours:?}"))
            })
        })
        .await?;
        one.reaches(&two).await?;
        cloud.plan_is_empty(host).await
    })
}
