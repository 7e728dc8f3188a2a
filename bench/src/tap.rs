//! A listening ear on the way to a model: passes bytes on, and notes when each request begins and has arrived.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Read at once: a whole request where it fits.
const CHUNK: usize = 256 * 1024;

/// Stands in front of the model at `target`.
pub(crate) struct Tap {
    address: SocketAddr,
    moments: Arc<Mutex<Option<Moments>>>,
}

/// When the last request's first and last bytes came, and how many there were.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    pub(crate) first: Instant,
    pub(crate) last: Instant,
    pub(crate) bytes: usize,
}

impl Tap {
    pub(crate) async fn start(target: &str) -> Result<Self> {
        let target = target.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let moments = Arc::new(Mutex::new(None));
        let noted = moments.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, target.clone(), noted.clone()));
            }
        });
        Ok(Self { address, moments })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The moments of the request that came since the last call.
    pub(crate) fn take(&self) -> Option<Moments> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

async fn pass_on(client: TcpStream, target: String, noted: Arc<Mutex<Option<Moments>>>) -> Result<()> {
    client.set_nodelay(true)?;
    let server = TcpStream::connect(target).await?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from_client.read(&mut chunk).await?;
        let now = Instant::now();
        if read == 0 {
            break;
        }
        note(&noted, now, read);
        to_server.write_all(&chunk[..read]).await?;
    }
    answers.abort();
    Ok(())
}

fn note(noted: &Mutex<Option<Moments>>, now: Instant, read: usize) {
    let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
    let moments = noted.get_or_insert(Moments { first: now, last: now, bytes: 0 });
    moments.last = now;
    moments.bytes += read;
}
