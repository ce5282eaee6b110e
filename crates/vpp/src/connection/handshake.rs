//! The first exchange: who we are, what we are called here, and which number each message has.

use std::path::Path;
use std::sync::Arc;

use tokio::net::UnixStream;
use weft_vpp_wire::frame::MAX_MESSAGE_LEN;
use weft_vpp_wire::messages::memclnt::{
    ControlPing, ControlPingReply, SOCKCLNT_CREATE_ID, SockclntCreate, SockclntCreateReply,
};
use weft_vpp_wire::{FixedString, FrameDecoder, MessageTable, Retval, decode, encode};

use crate::error::{ConnectError, HandshakeError};

/// A socket ready for requests.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) stream: UnixStream,
    pub(super) decoder: FrameDecoder,
    pub(super) table: MessageTable,
    pub(super) client_index: u32,
}

/// Opens the socket and introduces us.
pub(super) async fn perform(path: &Path, name: &str) -> Result<Ready, ConnectError> {
    let name = FixedString::try_from(name)?;
    let stream = UnixStream::connect(path)
        .await
        .map_err(|error| ConnectError::Socket {
            path: path.to_owned(),
            error: Arc::new(error),
        })?;
    introduce(stream, name)
        .await
        .map_err(|reason| ConnectError::Handshake {
            path: path.to_owned(),
            reason,
        })
}

async fn introduce(stream: UnixStream, name: FixedString<64>) -> Result<Ready, HandshakeError> {
    let mut hello = Vec::new();
    encode::bare(
        &mut hello,
        SOCKCLNT_CREATE_ID,
        &SockclntCreate { context: 0, name },
    );
    write_all(&stream, &hello).await?;
    let mut decoder = FrameDecoder::new(MAX_MESSAGE_LEN);
    let (id, reply) = first_message(&stream, &mut decoder).await?;
    if reply.response < 0 {
        return Err(HandshakeError::Refused(Retval(reply.response)));
    }
    let table = MessageTable::from_entries(reply.message_table.iter())?;
    let expected = table.id::<SockclntCreateReply>()?;
    if id != expected {
        return Err(HandshakeError::ReplyId {
            found: id,
            expected,
        });
    }
    // Without pings neither dumps nor signs of life are possible.
    table.id::<ControlPing>()?;
    table.id::<ControlPingReply>()?;
    Ok(Ready {
        stream,
        decoder,
        table,
        client_index: reply.index,
    })
}

async fn first_message(
    stream: &UnixStream,
    decoder: &mut FrameDecoder,
) -> Result<(u16, SockclntCreateReply), HandshakeError> {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        if let Some(message) = decoder.next_message()? {
            let reply = decode::bare::<SockclntCreateReply>(message)?;
            return Ok((decode::id(message).unwrap_or_default(), reply));
        }
        stream.readable().await.map_err(io)?;
        match stream.try_read(&mut chunk) {
            Ok(0) => {
                return Err(HandshakeError::Closed {
                    unfinished: decoder.unfinished(),
                });
            }
            Ok(read) => decoder.feed(chunk.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(io(error)),
        }
    }
}

async fn write_all(stream: &UnixStream, mut bytes: &[u8]) -> Result<(), HandshakeError> {
    while !bytes.is_empty() {
        stream.writable().await.map_err(io)?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(io(error)),
        }
    }
    Ok(())
}

fn io(error: std::io::Error) -> HandshakeError {
    HandshakeError::Io(Arc::new(error))
}
