//! The configuration file of a switch: what belongs to the process. Everything about interfaces and
//! bridge domains comes over the API.
//!
//! ```toml
//! api_socket = "/run/weft/switch-api.sock"
//! api_socket_mode = "0660"
//! workers = 1
//! buffers = 16384
//! learn_limit = 16777216
//! default_mtu = 9000
//! ```

use std::path::PathBuf;

use weft_config::{ConfigErrors, Document};

#[cfg(test)]
mod tests;

/// Where the API is served unless the configuration says otherwise.
pub const DEFAULT_API_SOCKET: &str = "/run/weft/switch-api.sock";

/// What a switch process needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchConfig {
    /// Unix socket on which the binary API is served.
    pub api_socket: PathBuf,
    /// Access rights of the socket: who may write to it controls the switch.
    pub api_socket_mode: u32,
    /// Threads that move packets, 1 to 16.
    pub workers: u16,
    /// Packet buffers of each worker (2304 bytes each, taken from the system when first used).
    pub buffers: u32,
    /// Learned MAC addresses, over all bridge domains and for each.
    pub learn_limit: u32,
    /// MTU of a new interface, bytes (VPP `ethernet { default-mtu }`).
    pub default_mtu: u16,
}

impl Default for SwitchConfig {
    fn default() -> Self {
        Self {
            api_socket: PathBuf::from(DEFAULT_API_SOCKET),
            api_socket_mode: 0o660,
            workers: 1,
            buffers: 16_384,
            learn_limit: 16 << 20,
            default_mtu: 9000,
        }
    }
}

impl SwitchConfig {
    /// Reads the text of a configuration file called `file`.
    ///
    /// # Errors
    /// Everything that is wrong in it, with lines.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigErrors> {
        let default = Self::default();
        let document = Document::parse(file, text);
        let root = document.root();
        let config = Self {
            api_socket: root.text("api_socket").or(default.api_socket),
            api_socket_mode: root
                .text::<String>("api_socket_mode")
                .try_map(|text| parse_mode(&text))
                .or(default.api_socket_mode),
            workers: root.number("workers", 1..=16).or(default.workers),
            buffers: root.number("buffers", 1024..=1 << 20).or(default.buffers),
            learn_limit: root
                .number("learn_limit", 0..=16 << 20)
                .or(default.learn_limit),
            default_mtu: root
                .number("default_mtu", 64..=9000)
                .or(default.default_mtu),
        };
        document.finish(|| Some(config))
    }
}

fn parse_mode(text: &str) -> Result<u32, &'static str> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("access rights are three octal digits, such as \"0660\""),
    }
}
