//! The requests of a peer, as `vhost` hands them on once they are whole and of the right form; what
//! its checks leave open is judged here. An error ends the connection: peers do not expect a "no".

use std::fs::File;
use std::sync::Arc;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use vhost::vhost_user::message::{
    VhostTransferStateDirection, VhostTransferStatePhase, VhostUserConfigFlags, VhostUserInflight,
    VhostUserLog, VhostUserMemoryRegion, VhostUserProtocolFeatures, VhostUserShMemConfig,
    VhostUserSharedMsg, VhostUserSingleMemoryRegion, VhostUserVringAddrFlags, VhostUserVringState,
};
use vhost::vhost_user::{
    Error as ProtocolError, GpuBackend, Result as ProtocolResult, VhostUserBackendReqHandlerMut,
};

use super::{Device, Refused};
use crate::vhost_user::features::{MAX_QUEUE_PAIRS, Negotiated};
use crate::vhost_user::memory::{GuestMemory, VhostUserRegion};
use crate::vhost_user::ring::RingAddresses;

/// Most descriptors of a ring (VIRTIO 1.2 §2.7).
const MAX_QUEUE_SIZE: u16 = 32_768;

/// The answer to a request whose feature this port never offers.
const NOT_OFFERED: ProtocolError = ProtocolError::InvalidOperation("not offered");

impl VhostUserBackendReqHandlerMut for Device {
    fn set_owner(&mut self) -> ProtocolResult<()> {
        Ok(())
    }

    fn reset_owner(&mut self) -> ProtocolResult<()> {
        Ok(())
    }

    fn get_features(&mut self) -> ProtocolResult<u64> {
        Ok(self.offered)
    }

    fn set_features(&mut self, features: u64) -> ProtocolResult<()> {
        if features & !self.offered != 0 {
            return Err(Refused::Features(features).into());
        }
        self.features = Some(Negotiated(features));
        Ok(self.reload_all()?)
    }

    /// Dirty page logging, which a live migration needs, is not offered: without it QEMU refuses to
    /// migrate rather than lose pages.
    fn get_protocol_features(&mut self) -> ProtocolResult<VhostUserProtocolFeatures> {
        Ok(VhostUserProtocolFeatures::MQ)
    }

    fn set_protocol_features(&mut self, features: u64) -> ProtocolResult<()> {
        self.protocol_features = features;
        Ok(())
    }

    fn get_queue_num(&mut self) -> ProtocolResult<u64> {
        Ok(MAX_QUEUE_PAIRS as u64)
    }

    fn set_mem_table(
        &mut self,
        regions: &[VhostUserMemoryRegion],
        files: Vec<File>,
        _postcopy: Option<bool>,
    ) -> ProtocolResult<Option<Vec<u64>>> {
        let region = |told: &VhostUserMemoryRegion| VhostUserRegion {
            guest_address: told.guest_phys_addr,
            size: told.memory_size,
            user_address: told.user_addr,
            offset: told.mmap_offset,
        };
        let table: Vec<_> = regions.iter().map(region).collect();
        // The old memory goes when no ring uses it any more.
        self.stop_all();
        self.memory = None;
        let memory = GuestMemory::map(&table, files).map_err(Refused::from)?;
        self.memory = Some(Arc::new(memory));
        self.reload_all()?;
        Ok(None)
    }

    fn set_vring_num(&mut self, ring: u32, size: u32) -> ProtocolResult<()> {
        let ring = ring as usize;
        let size = u16::try_from(size)
            .ok()
            .filter(|size| size.is_power_of_two() && *size <= MAX_QUEUE_SIZE);
        let size = size.ok_or(Refused::Ring { ring, what: "size" })?;
        self.setup(ring)?.size = size;
        Ok(self.reload(ring)?)
    }

    fn set_vring_addr(
        &mut self,
        ring: u32,
        _flags: VhostUserVringAddrFlags,
        descriptors: u64,
        used: u64,
        available: u64,
        _log: u64,
    ) -> ProtocolResult<()> {
        let ring = ring as usize;
        let without_protocol = !self.features.unwrap_or_default().protocol_features();
        let setup = self.setup(ring)?;
        setup.addresses = Some(RingAddresses {
            descriptors,
            used,
            available,
        });
        // Without protocol features there is no message to enable it.
        setup.is_enabled |= without_protocol;
        Ok(self.reload(ring)?)
    }

    fn set_vring_base(&mut self, ring: u32, base: u32) -> ProtocolResult<()> {
        // The index has 16 bits.
        self.setup(ring as usize)?.base = base as u16;
        Ok(())
    }

    fn get_vring_base(&mut self, ring: u32) -> ProtocolResult<VhostUserVringState> {
        let base = self.reset(ring as usize)?;
        Ok(VhostUserVringState::new(ring, u32::from(base)))
    }

    fn set_vring_kick(&mut self, ring: u8, file: Option<File>) -> ProtocolResult<()> {
        Ok(self.set_kick(usize::from(ring), file)?)
    }

    fn set_vring_call(&mut self, ring: u8, file: Option<File>) -> ProtocolResult<()> {
        let ring = usize::from(ring);
        let file = file.map(notifier);
        let for_ring = file.as_ref().and_then(|file| file.try_clone().ok());
        self.setup(ring)?.call = file;
        if let Some(running) = self.queues.lock(ring).as_mut() {
            running.set_call(for_ring);
        }
        Ok(())
    }

    fn set_vring_err(&mut self, ring: u8, file: Option<File>) -> ProtocolResult<()> {
        self.setup(usize::from(ring))?.error = file.map(notifier);
        Ok(())
    }

    fn set_vring_enable(&mut self, ring: u32, enable: bool) -> ProtocolResult<()> {
        let ring = ring as usize;
        self.setup(ring)?.is_enabled = enable;
        Ok(self.reload(ring)?)
    }

    // ===== what was not offered =====

    fn reset_device(&mut self) -> ProtocolResult<()> {
        Err(NOT_OFFERED)
    }

    fn get_config(
        &mut self,
        _offset: u32,
        _size: u32,
        _flags: VhostUserConfigFlags,
    ) -> ProtocolResult<Vec<u8>> {
        Err(NOT_OFFERED)
    }

    fn set_config(
        &mut self,
        _offset: u32,
        _bytes: &[u8],
        _flags: VhostUserConfigFlags,
    ) -> ProtocolResult<()> {
        Err(NOT_OFFERED)
    }

    fn set_gpu_socket(&mut self, _socket: GpuBackend) -> ProtocolResult<()> {
        Err(NOT_OFFERED)
    }

    fn get_shared_object(&mut self, _object: VhostUserSharedMsg) -> ProtocolResult<File> {
        Err(NOT_OFFERED)
    }

    fn get_inflight_fd(
        &mut self,
        _inflight: &VhostUserInflight,
    ) -> ProtocolResult<(VhostUserInflight, File)> {
        Err(NOT_OFFERED)
    }

    fn set_inflight_fd(
        &mut self,
        _inflight: &VhostUserInflight,
        _file: File,
    ) -> ProtocolResult<()> {
        Err(NOT_OFFERED)
    }

    fn get_max_mem_slots(&mut self) -> ProtocolResult<u64> {
        Err(NOT_OFFERED)
    }

    fn add_mem_region(
        &mut self,
        _region: &VhostUserSingleMemoryRegion,
        _file: File,
        _postcopy: Option<bool>,
    ) -> ProtocolResult<Option<u64>> {
        Err(NOT_OFFERED)
    }

    fn remove_mem_region(&mut self, _region: &VhostUserSingleMemoryRegion) -> ProtocolResult<()> {
        Err(NOT_OFFERED)
    }

    fn set_device_state_fd(
        &mut self,
        _direction: VhostTransferStateDirection,
        _phase: VhostTransferStatePhase,
        _file: File,
    ) -> ProtocolResult<Option<File>> {
        Err(NOT_OFFERED)
    }

    fn check_device_state(&mut self) -> ProtocolResult<()> {
        Err(NOT_OFFERED)
    }

    fn get_shmem_config(&mut self) -> ProtocolResult<VhostUserShMemConfig> {
        Err(NOT_OFFERED)
    }

    fn set_log_base(&mut self, _log: &VhostUserLog, _file: File) -> ProtocolResult<()> {
        Err(NOT_OFFERED)
    }
}

/// To be written to without waiting for the peer. The flag is the open file's, which the peer shares:
/// a monitor (not its guest) that took it back and filled the counter could hold a worker up.
fn notifier(file: File) -> File {
    // A file that cannot be set so is written to all the same.
    if let Ok(flags) = fcntl_getfl(&file) {
        let _ = fcntl_setfl(&file, flags | OFlags::NONBLOCK);
    }
    file
}
