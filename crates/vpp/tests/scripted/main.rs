//! The client against a scripted server that speaks the protocol, well or badly.
//!
//! Each way in which a VPP can fail must end in an error that says so and in the end of the
//! connection, and never in an answer. What a sound VPP makes of our messages is tested in `real`.

#![cfg(test)] // so that the helpers count as test code for the lints

mod apply;
mod calls;
mod fake;
mod life;
mod misbehaviour;
mod observe;
mod overlay;
mod policy;
mod supervisor;
mod vhost_user;
