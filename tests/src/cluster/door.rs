//! Doors: further addresses of the API server, through which one process alone can be kept from it.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a door does, to open connections too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Lets everything through.
    Open,
    /// Closes every connection.
    Closed,
    /// Takes every connection and passes nothing on.
    Silent,
}

/// Another address of an API server.
pub struct Door {
    /// Where it listens.
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
    /// An open door to a port of this machine.
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

    /// From now on.
    pub fn set(&self, passage: Passage) {
        self.passage.send_replace(passage);
    }
}

/// One connection, until either side ends it or the door closes.
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
                        // An end in the middle is what a door is for.
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

/// Gives the connection back when the talk over it is interrupted, so that a silent door can open again.
struct Returned {
    stream: Option<TcpStream>,
    to: Arc<Mutex<Option<TcpStream>>>,
}

impl Drop for Returned {
    fn drop(&mut self) {
        *self.to.lock().unwrap_or_else(PoisonError::into_inner) = self.stream.take();
    }
}
