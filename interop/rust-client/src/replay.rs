//! A server that gives one recorded answer, changed or not, to whoever asks: what a client says to a result that no
//! honest server sends.

use serde_json::Value;
use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Serves `answer` with status 200 to one connection, on any path.
///
/// Returns the base URL.
///
/// # Errors
///
/// When no port can be had.
pub async fn serve_once(answer: &Value) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answer = answer.to_string();
    tokio::spawn(async move {
        let (connection, _) = listener.accept().await.expect("somebody connects");
        respond(connection, &answer)
            .await
            .expect("the client reads its answer");
    });
    Ok(format!("http://{address}"))
}

async fn respond(mut connection: TcpStream, answer: &str) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(connection.read_u8().await?);
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len(),
    );
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(answer.as_bytes()).await?;
    connection.shutdown().await
}
