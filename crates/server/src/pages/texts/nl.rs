use super::Texts;

pub(crate) const DUTCH: Texts = Texts {
    language: "Nederlands",
    languages: "Taal",
    title: "Open Smart-ID-demo",
    lead: "Op deze computer draait een volledige mobiele elektronische identiteit. Mensen krijgen een account op hun \
           telefoon, melden zich met PIN1 aan bij e-diensten en ondertekenen documenten met PIN2. Elke privésleutel \
           bestaat alleen in twee delen, één in de telefoon en één in de server, en geen van beide ondertekent alleen.",
    notice_heading: "Wat dit niet is",
    notice: "Een onafhankelijke implementatie van gepubliceerde protocollen, niet verbonden met SK ID Solutions of \
             Cybernetica, en geen gecertificeerd gekwalificeerd middel voor het aanmaken van handtekeningen. \
             Handtekeningen van hier hebben geen rechtskracht.",
    data: "Gebruik alleen verzonnen personen: de demo gelooft iedereen zonder bewijs. Tenzij hij met --data is gestart, \
           wordt bij het stoppen alles gewist.",
    try_heading: "Probeer het",
    program: "Typ dit in een terminal. Na “cargo build --release” is smart-id te vinden als target/release/smart-id.",
    register: "Registreer een telefoon. De sleutels worden nu gemaakt; dat duurt even, net als op een echte telefoon.",
    log_in: "Wees een e-dienst en vraag haar zich aan te melden. Het antwoord noemt de sessie.",
    approve: "Wees weer de telefoon en bevestig met de PIN. Vraag daarna met de sessie-id het resultaat op.",
    sign: "Vraag een handtekening over een hash. Het antwoord bevat ook de controlecode die de telefoon moet tonen.",
    tour: "Of laat het hele verhaal vanzelf lopen, waarbij elke handtekening wordt gecontroleerd.",
    addresses_heading: "Adressen",
    rp_api: "Relying Party API v3, voor e-diensten",
    device_api: "Apparaat-API, voor telefoons",
    certificates: "Certificaten van de root en van de uitgevende autoriteiten",
    ready: "Of database en sleutels bruikbaar zijn",
    metrics: "Metrieken voor Prometheus",
    relying_parties_heading: "E-diensten",
    demo: "Mag om gekwalificeerde accounts vragen",
    alias: "Dezelfde, onder de UUID van oudere clients",
    advanced: "Mag ook om Basic-accounts vragen",
    accounts: "Of vraag een van de testaccounts, die vanzelf antwoorden: dit bevestigt, andere weigeren, kiezen een verkeerde code of zwijgen.",
    rp_api_v2: "Relying Party API v2, voor oudere e-diensten",
    openapi: "Beschrijving van de API’s, om te lezen en voor tools (OpenAPI)",
    mock: "Testaccounts en wat ze doen; maak uw eigen, of laat er een een apparaatlink scannen",
    link_title: "Smart-ID-link",
    link_lead: "Deze link opent de Smart-ID-app. U ziet deze pagina omdat de app niet op dit apparaat staat, of omdat een gewone camera of browser de link heeft geopend.",
    link_unused: "Er is niets gebeurd: de link is niet gebruikt en de e-dienst wacht nog even.",
    link_scan: "Open de app en scan in de app de code die de e-dienst toont. Typ nooit een pincode op een webpagina.",
    link_command: "De telefoon van de opdrachtregel neemt de link ook aan:",
};
