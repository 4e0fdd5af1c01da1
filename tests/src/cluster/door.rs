//! TCP proxies to the API server. A test gives one process a proxy of its own, to cut off this process alone.

use crate::waiting::eventually;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the proxy does with new and open connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Forwards everything.
    Open,
    /// Closes every connection.
    Closed,
    /// Accepts connections and forwards nothing.
    Silent,
}

/// A proxy to an API server. Dropping it ends it.
pub struct Door {
    /// The port that the proxy listens on.
    pub port: u16,
    passage: watch::Sender<Passage>,
    task: JoinHandle<()>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Door {
    /// Starts a proxy to a port of this machine, in the state [`Passage::Open`].
    pub async fn to(port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let own = listener.local_addr()?.port();
        let (passage, seen) = watch::channel(Passage::Open);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(pass(stream, port, seen.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { port: own, passage, task })
    }

    /// Changes the state, for open connections too.
    pub fn set(&self, passage: Passage) {
        self.passage.send_replace(passage);
    }

    /// Ends all open connections. New ones pass.
    pub async fn cut(&self) -> anyhow::Result<()> {
        self.set(Passage::Closed);
        // Each connection has a receiver, and the task that accepts them has one.
        eventually("all connections have ended", || async { Ok(self.passage.receiver_count() <= 1) }).await?;
        self.set(Passage::Open);
        Ok(())
    }
}

/// Serves one connection until either side closes it or the proxy is closed.
async fn pass(mut stream: TcpStream, port: u16, mut seen: watch::Receiver<Passage>) {
    let behind = Arc::new(Mutex::new(None));
    loop {
        let passage = *seen.borrow_and_update();
        let talk = async {
            match passage {
                Passage::Closed => (),
                Passage::Silent => std::future::pending().await,
                Passage::Open => {
                    let kept = behind.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let connected = match kept {
                        Some(connected) => Ok(connected),
                        None => TcpStream::connect(("127.0.0.1", port)).await,
                    };
                    let Ok(connected) = connected else { return };
                    let mut both = Returned { stream: Some(connected), to: Arc::clone(&behind) };
                    if let Some(other) = both.stream.as_mut() {
                        // Connections may break at any time; that is what the proxy is for.
                        let _ = copy_bidirectional(&mut stream, other).await;
                    }
                }
            }
        };
        tokio::select! {
            () = talk => return,
            changed = seen.changed() => if changed.is_err() { return },
        }
    }
}

/// Returns the upstream connection to `to` when forwarding is interrupted, so that a silent proxy can forward again.
struct Returned {
    stream: Option<TcpStream>,
    to: Arc<Mutex<Option<TcpStream>>>,
}

impl Drop for Returned {
    fn drop(&mut self) {
        *self.to.lock().unwrap_or_else(PoisonError::into_inner) = self.stream.take();
    }
}
