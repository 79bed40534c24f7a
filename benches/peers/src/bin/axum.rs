//! axum: what was revoked is kept in this process, or with `REDIS_URL` in Redis, where it counts on every node.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use axum_extra::extract::CookieJar;
use peers::{COOKIE, Reply, Verifier};
use redis::aio::ConnectionManager;

struct App {
    verifier: Verifier,
    redis: Option<ConnectionManager>,
}

async fn protected(State(app): State<Arc<App>>, jar: CookieJar) -> Result<Json<Reply>, StatusCode> {
    let token = jar.get(COOKIE).ok_or(StatusCode::UNAUTHORIZED)?;
    let claims = app.verifier.verify(token.value()).ok_or(StatusCode::UNAUTHORIZED)?;
    let is_revoked = match &app.redis {
        Some(redis) => {
            let asked = redis::cmd("EXISTS").arg(&claims.jti).query_async(&mut redis.clone()).await;
            asked.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?
        }
        None => app.verifier.is_revoked(&claims.jti),
    };
    if is_revoked { Err(StatusCode::UNAUTHORIZED) } else { Ok(Json(Reply { logged_in_as: claims.sub })) }
}

#[tokio::main(worker_threads = 1)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let redis = match std::env::var("REDIS_URL") {
        Ok(url) => Some(redis::Client::open(url)?.get_connection_manager().await?),
        Err(_) => None,
    };
    let app = Arc::new(App { verifier: Verifier::default(), redis });
    let router = Router::new().route("/protected", get(protected)).with_state(app);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", std::env::var("PORT")?)).await?;
    Ok(axum::serve(listener, router).await?)
}
