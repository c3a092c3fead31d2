#[cfg(test)] const _: () = ();
