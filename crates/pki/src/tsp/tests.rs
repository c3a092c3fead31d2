#[cfg(test)]
const _: () = ();
