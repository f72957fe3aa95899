//! The program as its users meet it: arguments in; stdout, stderr, files and an exit code out.

mod build;
mod check;
mod init;
mod reference;
mod sandbox;
