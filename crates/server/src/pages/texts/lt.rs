use super::Texts;

pub(crate) const LITHUANIAN: Texts = Texts {
    language: "Lietuvių",
    languages: "Kalba",
    title: "Open Smart-ID demonstracija",
    lead: "Šiame kompiuteryje veikia visa mobilioji elektroninė tapatybė. Žmogus savo telefone gauna paskyrą, su PIN1 \
           prisijungia prie e. paslaugų, o su PIN2 pasirašo dokumentus. Kiekvienas privatusis raktas egzistuoja tik \
           dviem dalimis, viena telefone, kita serveryje, ir nė viena iš jų viena nepasirašo.",
    notice_heading: "Kas tai nėra",
    notice: "Tai nepriklausomas paskelbtų protokolų įgyvendinimas, nesusijęs su SK ID Solutions ar Cybernetica; tai nėra \
             sertifikuotas kvalifikuoto parašo kūrimo įtaisas. Čia sukurti parašai neturi teisinės galios.",
    data: "Naudokite tik išgalvotus asmenis: demonstracija visais patiki be įrodymų. Jei ji paleista be --data, ją \
           sustabdžius viskas ištrinama.",
    try_heading: "Išbandykite",
    program: "Įveskite šias komandas terminale. Po „cargo build --release“ programa smart-id yra \
              target/release/smart-id.",
    register: "Užregistruokite telefoną. Jo raktai kuriami dabar; tai užtrunka, kaip ir tikrame telefone.",
    log_in: "Būkite e. paslauga ir paprašykite asmens prisijungti. Atsakyme yra seanso identifikatorius.",
    approve: "Vėl būkite telefonas ir patvirtinkite su PIN. Tada pagal seanso identifikatorių paprašykite rezultato.",
    sign: "Paprašykite pasirašyti santrauką. Atsakyme yra ir kontrolinis kodas, kurį turi parodyti telefonas.",
    tour: "Arba leiskite visai istorijai vykti savaime; kiekvienas parašas patikrinamas.",
    addresses_heading: "Adresai",
    rp_api: "Relying Party API v3 e. paslaugoms",
    device_api: "Įrenginio API telefonams",
    certificates: "Šakninės ir išduodančiųjų įstaigų sertifikatai",
    ready: "Ar duomenų bazė ir raktai naudojami",
    metrics: "Metrikos, skirtos Prometheus",
    relying_parties_heading: "E. paslaugos",
    demo: "Gali prašyti kvalifikuotų paskyrų",
    alias: "Ta pati su UUID, kurį turi senesnės klientų programos",
    advanced: "Gali prašyti ir Basic paskyrų",
    accounts: "Arba kreipkitės į testinę paskyrą, kuri atsako pati: ši patvirtina, kitos atsisako, pasirenka neteisingą kodą arba tyli.",
    rp_api_v2: "Relying Party API v2 senesnėms e. paslaugoms",
    openapi: "API aprašas skaityti ir įrankiams (OpenAPI)",
    mock: "Testinės paskyros ir jų atsakymai; sukurkite savo arba leiskite kuriai nors nuskaityti įrenginio nuorodą",
    link_title: "Smart-ID nuoroda",
    link_lead: "Ši nuoroda atveria Smart-ID programėlę. Šį puslapį matote, nes šiame įrenginyje programėlės nėra arba nuorodą atvėrė įprasta kamera ar naršyklė.",
    link_unused: "Nieko neįvyko: nuoroda nepanaudota, o e. paslauga dar trumpai laukia.",
    link_scan: "Atverkite programėlę ir joje nuskaitykite e. paslaugos rodomą kodą. Niekada neveskite PIN tinklalapyje.",
    link_command: "Nuorodą priima ir komandinės eilutės telefonas:",
};
