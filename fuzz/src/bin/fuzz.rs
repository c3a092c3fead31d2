//! libFuzzer over one target, named by `FUZZ_TARGET`; one binary, so that the system is linked once. With `FUZZ_SEEDS`,
//! a folder, it writes honest messages of each target into `<folder>/<target>/`, prints the targets' names and ends.

#![no_main]

use std::{env, fs, io, path::Path, sync::OnceLock};

libfuzzer_sys::fuzz_target!(
    init: {
        if let Some(folder) = env::var_os("FUZZ_SEEDS") {
            write_seeds(Path::new(&folder)).expect("the folder can be written");
            std::process::exit(0);
        }
    },
    |data: &[u8]| {
        static TARGET: OnceLock<fuzz::Target> = OnceLock::new();
        let target = TARGET.get_or_init(|| {
            let name = env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
            fuzz::target(&name).unwrap_or_else(|| panic!("no target {name}"))
        });
        (target.run)(data);
    }
);

fn write_seeds(folder: &Path) -> io::Result<()> {
    for target in fuzz::TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
        println!("{}", target.name);
    }
    Ok(())
}
