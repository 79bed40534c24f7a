//! actix-web: what was revoked is kept in this process.

use actix_web::error::ErrorUnauthorized;
use actix_web::web::{Data, Json};
use actix_web::{App, HttpRequest, HttpServer, get};
use peers::{COOKIE, Reply, Verifier};

#[get("/protected")]
async fn protected(request: HttpRequest, verifier: Data<Verifier>) -> actix_web::Result<Json<Reply>> {
    let token = request.cookie(COOKIE).ok_or(ErrorUnauthorized("missing"))?;
    let claims = verifier.verify(token.value()).ok_or(ErrorUnauthorized("invalid"))?;
    if verifier.is_revoked(&claims.jti) {
        return Err(ErrorUnauthorized("revoked"));
    }
    Ok(Json(Reply { logged_in_as: claims.sub }))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Data::new(Verifier::default());
    let address = format!("127.0.0.1:{}", std::env::var("PORT")?);
    let server = HttpServer::new(move || App::new().app_data(verifier.clone()).service(protected));
    Ok(server.workers(1).bind(address)?.run().await?)
}
