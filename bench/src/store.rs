//! The embedded store beside etcd: how fast it writes, and how soon a watcher knows.
//!
//! Both keep their files in the same directory, both fsync before they answer, both are asked by
//! the same client over loopback TCP. The floor of a write is what one fsync of a small write
//! takes there.

use std::fs::File;
use std::io::{Seek, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use weft_store::embedded::{ListenAddress, Listeners, Options, Server};
use weft_store::{Event, Store, StoreConfig};

use crate::report::{Table, milliseconds, percentile, times};

/// Clients that write at once, each over a connection of its own.
const CLIENTS: usize = 64;
/// What a state record of a port takes, about.
const VALUE_BYTES: usize = 256;
/// A server that does not answer for this long will not.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was measured of one server.
struct Figures {
    /// Per write, one client.
    one: Duration,
    /// Per write, over all clients.
    many: Duration,
    /// From the call of a put to the event at a watcher, nothing else going on.
    quiet: Vec<Duration>,
    /// The same while the other clients write.
    busy: Vec<Duration>,
}

/// Measures both servers; `show` gets the table.
pub(crate) async fn run(quick: bool, mut show: impl FnMut(Table)) -> Result<()> {
    let puts = if quick { 100 } else { 1000 };
    // Not the directory for temporary files, which may be memory, where an fsync is nothing.
    let directory = tempfile::TempDir::new_in("/var/tmp")?;
    let floor = fsync(directory.path(), puts).context("one fsync")?;
    let embedded = embedded(directory.path(), puts)
        .await
        .context("the embedded store")?;
    let etcd = etcd(directory.path(), puts).await.context("etcd")?;
    show(table(floor, &embedded, &etcd));
    Ok(())
}

fn table(floor: Duration, embedded: &Figures, etcd: &Figures) -> Table {
    let mut table = Table::new("Embedded store beside etcd (time per write; both fsync)");
    let rate = |time: Duration| format!("{:.0} puts/s", 1.0 / time.as_secs_f64());
    table.ratio(
        "1 client, beside one fsync",
        milliseconds(embedded.one),
        milliseconds(floor),
        times(embedded.one, floor),
        None,
    );
    for (what, ours, theirs) in [
        ("1 client".to_owned(), embedded.one, etcd.one),
        (format!("{CLIENTS} clients"), embedded.many, etcd.many),
    ] {
        table.ratio(what, rate(ours), rate(theirs), times(ours, theirs), None);
    }
    for (what, ours, theirs) in [
        ("quiet", &embedded.quiet, &etcd.quiet),
        ("busy", &embedded.busy, &etcd.busy),
    ] {
        for percent in [50, 99] {
            let (ours, theirs) = (percentile(ours, percent), percentile(theirs, percent));
            let what = format!("put to watcher, {what}, p{percent}");
            table.ratio(
                what,
                milliseconds(ours),
                milliseconds(theirs),
                times(ours, theirs),
                None,
            );
        }
    }
    table.note(format!("busy: while {CLIENTS} other clients write"));
    table
}

/// The median of small writes into a file that is already as long as it gets, each with its
/// fsync: what a log that reserves its space ahead pays for one entry.
fn fsync(directory: &Path, count: usize) -> Result<Duration> {
    let mut file = File::create(directory.join("fsync"))?;
    file.write_all(&vec![1; VALUE_BYTES * count])?;
    file.sync_all()?;
    file.rewind()?;
    let mut taken = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        file.write_all(&[0; VALUE_BYTES])?;
        file.sync_data()?;
        taken.push(start.elapsed());
    }
    Ok(percentile(&taken, 50))
}

async fn embedded(directory: &Path, puts: usize) -> Result<Figures> {
    let file = directory.join("store.redb");
    let token = CancellationToken::new();
    let (listening, address) = oneshot::channel();
    let serving = {
        let token = token.clone();
        // A runtime of its own, as a process of its own would have.
        std::thread::spawn(move || -> Result<()> {
            let server = Server::open(file, Options::default())?;
            let any = ListenAddress::Tcp(([127, 0, 0, 1], 0).into());
            tokio::runtime::Runtime::new()?.block_on(async {
                let listeners = Listeners::bind(&[any]).await?;
                // Whoever started this thread waits for it.
                let _ = listening.send(listeners.addresses().first().cloned());
                Ok(server.serve(listeners, token).await?)
            })
        })
    };
    let figures = match address.await {
        Ok(Some(ListenAddress::Tcp(address))) => measure(address, puts).await,
        _ => Err(anyhow!("nothing is listened on")),
    };
    token.cancel();
    match tokio::task::spawn_blocking(move || serving.join()).await? {
        Ok(served) => served?,
        Err(_) => bail!("the embedded store panicked"),
    }
    figures
}

async fn etcd(directory: &Path, puts: usize) -> Result<Figures> {
    let free = || -> Result<u16> { Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()) };
    let address = SocketAddr::from(([127, 0, 0, 1], free()?));
    let (client, peer) = (
        format!("http://{address}"),
        format!("http://127.0.0.1:{}", free()?),
    );
    let child = Command::new("etcd")
        .arg(format!("--data-dir={}", directory.join("etcd").display()))
        .arg(format!("--listen-client-urls={client}"))
        .arg(format!("--advertise-client-urls={client}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=default={peer}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("etcd must be installed: apt-get install etcd-server")?;
    let _child = Killed(child);
    measure(address, puts).await
}

/// A process that is killed when it is no longer needed.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn measure(address: SocketAddr, puts: usize) -> Result<Figures> {
    let store = connect(address).await?;
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = store.put("warm", "up").await {
        if Instant::now() > deadline {
            return Err(error).context("the server does not answer");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let value = vec![b'x'; VALUE_BYTES];

    let start = Instant::now();
    for n in 0..puts {
        store.put(&format!("one/{n}"), value.clone()).await?;
    }
    let one = start.elapsed() / u32::try_from(puts)?;

    let start = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (store, value) = (connect(address).await?, value.clone());
        clients.spawn(async move {
            for n in 0..puts / 4 {
                store
                    .put(&format!("many/{client}/{n}"), value.clone())
                    .await?;
            }
            Ok::<_, weft_store::StoreError>(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    let many = start.elapsed() / u32::try_from(CLIENTS * (puts / 4))?;

    let quiet = watch(&store, "quiet/", puts).await?;
    for client in 0..CLIENTS {
        let (store, value) = (connect(address).await?, value.clone());
        clients.spawn(async move {
            for n in 0_u64.. {
                store
                    .put(&format!("busy/{client}/{n}"), value.clone())
                    .await?;
            }
            Ok::<_, weft_store::StoreError>(())
        });
    }
    let busy = watch(&store, "watched/", puts / 4).await;
    clients.shutdown().await;
    Ok(Figures {
        one,
        many,
        quiet,
        busy: busy?,
    })
}

/// One put after the other; how long each takes to reach a watcher.
async fn watch(store: &Store, prefix: &str, puts: usize) -> Result<Vec<Duration>> {
    let mut subscription = store.subscribe(vec![prefix.to_owned()]);
    let Some(Event::Snapshot { .. }) = subscription.next().await else {
        bail!("the subscription begins without a snapshot");
    };
    let mut taken = Vec::with_capacity(puts);
    for n in 0..puts {
        let start = Instant::now();
        let key = format!("{prefix}{n}");
        let arrival = async {
            match subscription.next().await {
                Some(Event::Changes { .. }) => Ok(start.elapsed()),
                other => bail!("instead of the change came {other:?}"),
            }
        };
        let (put, arrived) = tokio::join!(store.put(&key, "value"), arrival);
        put?;
        taken.push(arrived?);
    }
    subscription.close().await;
    Ok(taken)
}

async fn connect(address: SocketAddr) -> Result<Store> {
    Ok(Store::connect(StoreConfig::new([format!("http://{address}").parse()?])).await?)
}
