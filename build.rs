//! Tells cargo that the embedded migrations are part of the program.
//! Without it a new migration is not noticed until some Rust file changes.

fn main() {
    println!("cargo:rerun-if-changed=src/store/migrations");
}
