//! Ports come, change, move and go at random while agents, dataplanes and the store are killed at
//! random; in the end everything is as it is wanted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use weft_store::Revision;
use weft_tests::{Cloud, Port, Setup, scenario};

/// How long things go wrong.
const CHURN: Duration = Duration::from_secs(15);

/// Different ports, so that records are hit again and again.
const PORTS: u32 = 12;

/// A reproducible source of numbers (Marsaglia, "Xorshift RNGs", 2003).
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 32) % u64::from(sides)).unwrap_or_default()
    }
}

/// Where each port is wanted, with its record and revision; by number.
type Wanted = BTreeMap<u8, (usize, u16, Revision)>;

#[test]
fn random_churn_and_crashes_end_as_wanted() -> Result<()> {
    let seed = std::env::var("WEFT_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_261_121);
    scenario(Setup::hosts(2), async |cloud| {
        let mut dice = Dice(seed);
        let mut wanted = Wanted::new();
        let begin = Instant::now();
        let mut steps = 0;
        while begin.elapsed() < CHURN {
            steps += 1;
            match dice.roll(20) {
                0 | 1 => {
                    let host = &cloud.hosts()[dice.roll(2) as usize];
                    host.kill_agent();
                    host.start_agent()?;
                }
                2 => {
                    let host = &cloud.hosts()[dice.roll(2) as usize];
                    host.kill_dataplane();
                    host.start_dataplane().await?;
                }
                3 => {
                    cloud.server().kill();
                    cloud.start_store().await?;
                }
                _ => change(cloud, &mut dice, &mut wanted).await?,
            }
            // A burst now and then, and otherwise enough time to be half-way through something.
            if dice.roll(3) == 0 {
                tokio::time::sleep(Duration::from_millis(u64::from(dice.roll(200)))).await;
            }
        }
        settled(cloud, &wanted)
            .await
            .with_context(|| format!("seed {seed}, {steps} steps"))
    })
}

/// Writes, moves or removes a random port.
async fn change(cloud: &Cloud, dice: &mut Dice, wanted: &mut Wanted) -> Result<()> {
    let number = u8::try_from(1 + dice.roll(PORTS))?;
    let name = format!("p{number}");
    let vlan = 100 + u16::try_from(dice.roll(3))?;
    let place = dice.roll(2) as usize;
    if let Some((before, _, _)) = wanted.get(&number).copied()
        && (before != place || dice.roll(3) == 0)
    {
        cloud.delete(&cloud.hosts()[before], &name).await?;
        wanted.remove(&number);
        if before == place {
            return Ok(());
        }
    }
    let revision = cloud
        .put(&cloud.hosts()[place], &name, &record(number, vlan))
        .await?;
    wanted.insert(number, (place, vlan, revision));
    Ok(())
}

/// Every third port is on the untagged network.
fn record(number: u8, vlan: u16) -> Port {
    if number.is_multiple_of(3) {
        Port::flat(number)
    } else {
        Port::vlan(number, vlan)
    }
}

/// Everything must be as wanted: what is said, what the dataplanes hold, and what passes.
async fn settled(cloud: &Cloud, wanted: &Wanted) -> Result<()> {
    for (number, (place, _, revision)) in wanted {
        cloud
            .effective(&cloud.hosts()[*place], &format!("p{number}"), *revision)
            .await?;
    }
    for (place, host) in cloud.hosts().iter().enumerate() {
        for number in 1..=u8::try_from(PORTS)? {
            if wanted.get(&number).is_none_or(|(at, _, _)| *at != place) {
                cloud.absent(host, &format!("p{number}")).await?;
            }
        }
        cloud.fence(host).await?;
        cloud.plan_is_empty(host).await?;
        let contents = host.contents().await?;
        ensure!(
            contents.foreign().interfaces().count() == 1,
            "only local0: {}",
            contents.print()
        );
    }
    let mut machines = Vec::new();
    for (number, (place, vlan, _)) in wanted {
        let vm = cloud.vm(&format!("vm{number}"), [10, 0, 0, *number])?;
        cloud.hosts()[*place].plug(&format!("p{number}"), &vm)?;
        let network = if number.is_multiple_of(3) { 0 } else { *vlan };
        machines.push((network, vm));
    }
    for (at, (network, machine)) in machines.iter().enumerate() {
        // The next on the same network, if there is one, and the next on any other.
        let after = || {
            machines
                .iter()
                .cycle()
                .skip(at + 1)
                .take(machines.len() - 1)
        };
        if let Some((_, same)) = after().find(|(other, _)| other == network) {
            machine.reaches(same).await?;
        }
        if let Some((_, other)) = after().find(|(other, _)| other != network)
            && at % 4 == 0
        {
            machine.reaches_not(other).await?;
        }
    }
    Ok(())
}
