//! A ping inside a machine that goes on while something happens.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use weft_lab::VirtualMachine;

/// What it prints is in this file of the machine.
const FILE: &str = "/ping";

/// Ten packets a second, until it is stopped. Its shell has no other work in the background.
pub(super) struct SteadyPing<'a> {
    machine: &'a mut VirtualMachine,
}

impl<'a> SteadyPing<'a> {
    /// Begins to ping `target`.
    pub(super) async fn start(machine: &'a mut VirtualMachine, target: Ipv4Addr) -> Result<Self> {
        let line = format!("ping -i 0.1 {target} > {FILE} 2>&1 &");
        machine.run(&line).await?;
        Ok(Self { machine })
    }

    /// Waits until so many more packets are answered.
    pub(super) async fn goes_on(&mut self, packets: u32) -> Result<()> {
        let count = format!("grep -c seq= {FILE}");
        let line = format!(
            "end=$(($({count}) + {packets})); \
             for n in $(seq 500); do [ $({count}) -ge $end ] && break; usleep 20000; done; \
             [ $({count}) -ge $end ] || ! tail -1 {FILE}"
        );
        let (printed, is_good) = self.machine.run(&line).await?;
        ensure!(
            is_good,
            "{packets} more answers are not to be had: {printed}"
        );
        Ok(())
    }

    /// Stops it. Every packet must have been answered once, but for the one that may be under way.
    pub(super) async fn nothing_lost(self) -> Result<()> {
        let (printed, _) = self
            .machine
            .run(&format!("kill -INT $!; wait $!; cat {FILE}"))
            .await?;
        let answered: Vec<u32> = printed
            .lines()
            .filter_map(|line| number_behind(line, "seq="))
            .collect();
        let sent = printed
            .lines()
            .find_map(|line| line.split_once(" packets transmitted")?.0.parse().ok());
        let sent: u32 = sent.with_context(|| format!("no end of a ping: {printed}"))?;
        let answers = u32::try_from(answered.len())?;
        ensure!(
            answered.iter().copied().eq(0..answers) && sent - answers <= 1,
            "of {sent} packets these were answered: {answered:?}"
        );
        Ok(())
    }

    /// Stops it, whatever was lost.
    pub(super) async fn stop(self) -> Result<()> {
        self.machine.run("kill -INT $!; wait $!").await?;
        Ok(())
    }
}

/// The number that stands behind these letters.
fn number_behind(line: &str, letters: &str) -> Option<u32> {
    let (_, rest) = line.split_once(letters)?;
    rest.split(' ').next()?.parse().ok()
}
