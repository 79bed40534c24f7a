//! Argon2 with nothing around it: how many passwords one core hashes in a second with the application's parameters,
//! with memory taken anew for each, as a sign-in written by hand does, and with memory that is kept.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Error, Params, Version};

fn rate(mut hash: impl FnMut(&mut [u8; 32]) -> Result<(), Error>) -> Result<f64, Error> {
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(4) {
        hash(&mut [0; 32])?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

fn main() -> Result<(), Error> {
    let params = Params::DEFAULT;
    let mut kept = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (password, salt) = (b"testpass", b"sixteen bytes ..");
    let anew = rate(|tag| argon2.hash_password_into(password, salt, tag))?;
    let kept = rate(|tag| argon2.hash_password_into_with_memory(password, salt, tag, &mut kept))?;
    println!("{anew:.1} {kept:.1}");
    Ok(())
}
