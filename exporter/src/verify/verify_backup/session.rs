//! A connection to the server that is restored into, on the level of the protocol. The statements of a dump are sent as
//! raw bytes, because a dump may have any encoding, and errors are classified by SQLSTATE.

use super::reach::{Reach, Tls, Way};
use crate::sources::tls::request_postgres_tls;
use anyhow::{Context, bail, ensure};
use bytes::BytesMut;
use clients::tcp::connect;
use clients::trust;
use fallible_iterator::FallibleIterator;
use futures::FutureExt;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{ErrorFields, Header, Message};
use postgres_protocol::message::frontend;
use rustls::pki_types::ServerName;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;

/// Maximum size of a message in bytes. A longer one means that the peer is not PostgreSQL.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// Deadline for connecting and logging in.
const LOGIN: Duration = Duration::from_secs(10);

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// An error of the server about one statement. Its detail is not kept, because it may contain rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerError {
    /// The SQLSTATE.
    pub(super) code: String,
    /// The message, at most 300 characters.
    pub(super) message: String,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for ServerError {}

impl ServerError {
    fn of(fields: &mut ErrorFields<'_>) -> Self {
        let (mut code, mut message) = (String::new(), String::new());
        while let Ok(Some(field)) = fields.next() {
            let value = || String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => code = value(),
                b'M' => message = value(),
                _ => {}
            }
        }
        Self { code, message: message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect() }
    }
}

/// An open connection.
pub(super) struct Session {
    stream: Box<dyn Io>,
    input: BytesMut,
    output: BytesMut,
}

/// The result of a statement: the first column of each row, or the server's error.
pub(super) type StatementResult = Result<Vec<Option<String>>, ServerError>;

impl Session {
    /// Connects to a database and logs in.
    ///
    /// # Errors
    /// Fails when the server does not answer or refuses; the error is a [`ServerError`] if the server sent one.
    pub(super) async fn open(reach: &Reach, database: &str) -> anyhow::Result<Self> {
        let place = reach.place();
        let opened = tokio::time::timeout(LOGIN, async {
            let stream = dial(reach).await?;
            let mut session = Self { stream, input: BytesMut::new(), output: BytesMut::new() };
            session.login(reach, database).await?;
            anyhow::Ok(session)
        });
        let opened = opened.await.unwrap_or_else(|_| bail!("no response within {LOGIN:?}"));
        opened.with_context(|| format!("connecting to {place}"))
    }

    async fn login(&mut self, reach: &Reach, database: &str) -> anyhow::Result<()> {
        let parameters = [
            ("user", reach.user.as_str()),
            ("database", database),
            ("application_name", "checklist-exporter verify-backup"),
            ("TimeZone", "UTC"),
            ("DateStyle", "ISO"),
        ];
        frontend::startup_message(parameters, &mut self.output)?;
        self.flush().await?;
        let mut scram = None;
        let password = || reach.password.as_deref().context("the server requires a password, and none is configured");
        loop {
            match self.receive().await? {
                Message::AuthenticationOk => {}
                Message::AuthenticationCleartextPassword => {
                    frontend::password_message(password()?.as_bytes(), &mut self.output)?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(reach.user.as_bytes(), password()?.as_bytes(), body.salt());
                    frontend::password_message(hash.as_bytes(), &mut self.output)?;
                }
                Message::AuthenticationSasl(_) => {
                    let begun = ScramSha256::new(password()?.as_bytes(), ChannelBinding::unsupported());
                    frontend::sasl_initial_response(SCRAM_SHA_256, begun.message(), &mut self.output)?;
                    scram = Some(begun);
                }
                Message::AuthenticationSaslContinue(body) => {
                    let scram = scram.as_mut().context("unexpected message from the server")?;
                    scram.update(body.data())?;
                    frontend::sasl_response(scram.message(), &mut self.output)?;
                }
                Message::AuthenticationSaslFinal(body) => {
                    scram.as_mut().context("unexpected message from the server")?.finish(body.data())?;
                }
                Message::ErrorResponse(body) => return Err(ServerError::of(&mut body.fields()).into()),
                Message::ReadyForQuery(_) => return Ok(()),
                Message::ParameterStatus(_) | Message::BackendKeyData(_) | Message::NoticeResponse(_) => {}
                _ => bail!("the server requires an unsupported authentication method"),
            }
            self.flush().await?;
        }
    }

    /// Runs one statement. If it is a COPY FROM STDIN, the copy is ended at once, without rows.
    ///
    /// # Errors
    /// Fails when the connection is lost.
    pub(super) async fn run(&mut self, statement: &[u8]) -> anyhow::Result<StatementResult> {
        self.send(statement).await?;
        let mut rows = Vec::new();
        let mut failed = None;
        loop {
            match self.receive().await? {
                Message::DataRow(body) => {
                    let range = body.ranges().next()?.flatten();
                    let value = range.and_then(|range| body.buffer().get(range));
                    rows.push(value.map(|value| String::from_utf8_lossy(value).into_owned()));
                }
                Message::CopyInResponse(_) => {
                    frontend::copy_done(&mut self.output);
                    self.flush().await?;
                }
                Message::ErrorResponse(body) => failed = Some(ServerError::of(&mut body.fields())),
                Message::ReadyForQuery(_) => return Ok(failed.map_or(Ok(rows), Err)),
                _ => {}
            }
        }
    }

    /// Begins a COPY FROM STDIN. Returns `None` if the server accepts rows, else its error.
    ///
    /// # Errors
    /// Fails when the connection is lost.
    pub(super) async fn copy(&mut self, statement: &[u8]) -> anyhow::Result<Option<ServerError>> {
        self.send(statement).await?;
        let mut failed = None;
        loop {
            match self.receive().await? {
                Message::CopyInResponse(_) => return Ok(None),
                Message::ErrorResponse(body) => failed = Some(ServerError::of(&mut body.fields())),
                Message::ReadyForQuery(_) => {
                    let nothing =
                        ServerError { code: String::new(), message: "the server did not start a COPY".to_owned() };
                    return Ok(Some(failed.unwrap_or(nothing)));
                }
                _ => {}
            }
        }
    }

    /// Sends rows. Returns the server's error as soon as it has arrived; the server then accepts no more rows.
    ///
    /// # Errors
    /// Fails when the connection is lost.
    pub(super) async fn rows(&mut self, rows: &[u8]) -> anyhow::Result<Option<ServerError>> {
        frontend::CopyData::new(rows)?.write(&mut self.output);
        self.flush().await?;
        // Reads what the server has sent so far, without waiting.
        loop {
            while let Some(message) = self.parse()? {
                if let Message::ErrorResponse(body) = message {
                    let error = ServerError::of(&mut body.fields());
                    self.until_ready().await?;
                    return Ok(Some(error));
                }
            }
            match self.stream.read_buf(&mut self.input).now_or_never() {
                None => return Ok(None),
                Some(Ok(0)) => bail!("the server closed the connection"),
                Some(read) => drop(read?),
            }
        }
    }

    /// Ends the rows. Returns the server's error, if any.
    ///
    /// # Errors
    /// Fails when the connection is lost.
    pub(super) async fn rows_end(&mut self) -> anyhow::Result<Option<ServerError>> {
        frontend::copy_done(&mut self.output);
        self.flush().await?;
        self.until_ready().await
    }

    async fn until_ready(&mut self) -> anyhow::Result<Option<ServerError>> {
        let mut failed = None;
        loop {
            match self.receive().await? {
                Message::ErrorResponse(body) => failed = Some(ServerError::of(&mut body.fields())),
                Message::ReadyForQuery(_) => return Ok(failed),
                _ => {}
            }
        }
    }

    /// Sends a statement as bytes, whatever its encoding.
    async fn send(&mut self, statement: &[u8]) -> anyhow::Result<()> {
        ensure!(!statement.contains(&0), "a statement contains a zero byte");
        let length = i32::try_from(statement.len() + 5).context("a statement is too long")?;
        self.output.extend_from_slice(b"Q");
        self.output.extend_from_slice(&length.to_be_bytes());
        self.output.extend_from_slice(statement);
        self.output.extend_from_slice(&[0]);
        self.flush().await
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        self.stream.write_all_buf(&mut self.output).await.context("lost the connection to the server")?;
        Ok(self.stream.flush().await?)
    }

    async fn receive(&mut self) -> anyhow::Result<Message> {
        loop {
            if let Some(message) = self.parse()? {
                return Ok(message);
            }
            let read = self.stream.read_buf(&mut self.input).await.context("lost the connection to the server")?;
            ensure!(read > 0, "the server closed the connection");
        }
    }

    fn parse(&mut self) -> anyhow::Result<Option<Message>> {
        if let Some(header) = Header::parse(&self.input)? {
            let length = usize::try_from(header.len()).unwrap_or(usize::MAX);
            ensure!(length <= MAX_MESSAGE, "the server sent a message of {length} bytes; is it PostgreSQL?");
        }
        Ok(Message::parse(&mut self.input)?)
    }
}

async fn dial(reach: &Reach) -> anyhow::Result<Box<dyn Io>> {
    let (host, port) = match &reach.way {
        Way::Socket(path) => return Ok(Box::new(socket(path).await?)),
        Way::Tcp(host, port) => (host.as_str(), *port),
    };
    let mut stream = connect(host, port).await?;
    let config = match &reach.tls {
        Tls::None => return Ok(Box::new(stream)),
        Tls::Any => trust::unverified()?,
        Tls::Verified(ca_file) => trust::verified(ca_file.as_deref()).await?,
    };
    request_postgres_tls(&mut stream).await.map_err(anyhow::Error::msg)?;
    let name = ServerName::try_from(host.to_owned()).context("the host is not a valid TLS server name")?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let stream = stream.map_err(|error| anyhow::anyhow!("TLS handshake: {}", clients::failure::causes(&error)))?;
    Ok(Box::new(stream))
}

async fn socket(path: &Path) -> anyhow::Result<UnixStream> {
    UnixStream::connect(path).await.with_context(|| format!("connecting to {}", path.display()))
}
