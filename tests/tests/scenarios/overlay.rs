//! Overlay networks: VXLAN and VXLAN-GPE between hosts.

mod interop;
