use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::Source;
use crate::{LabError, error::Doing as _, mail_servers::Doors};

/// Longer than any delay that a server puts before its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that is read and written by lines.
#[derive(Debug)]
pub(super) struct LineStream {
    stream: BufReader<TcpStream>,
}

impl LineStream {
    pub(super) async fn connect(doors: Doors, source: Source) -> Result<Self, LabError> {
        let (port, header) = match source {
            Source::Loopback(_) => (doors.direct, None),
            Source::World(address) => (doors.proxied, Some(proxy_header(address, doors.proxied))),
        };
        let mut connection = Self::connect_port(port, source).await?;
        if let Some(header) = header {
            connection.send(&header).await?;
        }
        Ok(connection)
    }

    /// Connects to a port that knows no PROXY protocol.
    pub(super) async fn connect_port(port: u16, source: Source) -> Result<Self, LabError> {
        let connect = async {
            let socket = TcpSocket::new_v4()?;
            if let Source::Loopback(address) = source {
                socket.bind(SocketAddr::new(address.into(), 0))?;
            }
            let stream = socket.connect(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = in_time(connect)
            .await
            .doing(|| format!("connecting to port {port} from {}", source.address()))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    pub(super) async fn send(&mut self, line: &str) -> Result<(), LabError> {
        let bytes = format!("{line}\r\n");
        in_time(self.stream.get_mut().write_all(bytes.as_bytes()))
            .await
            .doing(|| "sending to the server".into())
    }

    /// The next line, without its end.
    pub(super) async fn line(&mut self) -> Result<String, LabError> {
        let mut bytes = Vec::new();
        in_time(self.stream.read_until(b'\n', &mut bytes))
            .await
            .doing(|| "reading from the server".into())?;
        if bytes.is_empty() {
            return Err(LabError::Io {
                what: "reading from the server".into(),
                source: io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection"),
            });
        }
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned())
    }

    pub(super) async fn bytes(&mut self, count: usize) -> Result<Vec<u8>, LabError> {
        let mut bytes = vec![0; count];
        in_time(self.stream.read_exact(&mut bytes)).await.doing(|| "reading from the server".into())?;
        Ok(bytes)
    }
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Version 1, the readable form.
fn proxy_header(address: IpAddr, port: u16) -> String {
    match address {
        IpAddr::V4(v4) => format!("PROXY TCP4 {v4} 127.0.0.1 40001 {port}"),
        IpAddr::V6(v6) => format!("PROXY TCP6 {v6} ::1 40001 {port}"),
    }
}
