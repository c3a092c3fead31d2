use super::Texts;

pub(crate) const ESTONIAN: Texts = Texts {
    language: "Eesti",
    languages: "Keel",
    title: "Open Smart-ID demo",
    lead: "Selles arvutis töötab terviklik mobiilne elektrooniline identiteet. Inimene saab oma telefoni konto, logib \
           PIN1-ga e-teenustesse sisse ja allkirjastab PIN2-ga dokumente. Iga privaatvõti on olemas ainult kahe osana, üks \
           telefonis ja teine serveris, ning kumbki üksi ei allkirjasta.",
    notice_heading: "Mida see ei ole",
    notice: "See on avaldatud protokollide sõltumatu teostus, mis ei ole seotud ettevõtetega SK ID Solutions ega \
             Cybernetica ega ole sertifitseeritud kvalifitseeritud allkirja andmise vahend. Siin antud allkirjadel ei ole \
             õiguslikku jõudu.",
    data: "Kasutage ainult väljamõeldud isikuid: demo usub igaüht tõendita. Kui demo ei käivitatud võtmega --data, \
           kustutatakse selle peatumisel kõik.",
    try_heading: "Proovige järele",
    program: "Sisestage need käsud terminalis. Pärast käsku „cargo build --release“ on smart-id asukoht \
              target/release/smart-id.",
    register: "Registreerige telefon. Selle võtmed luuakse praegu; see võtab aega nagu päris telefoniski.",
    log_in: "Olge e-teenus ja paluge inimesel sisse logida. Vastuses on seansi tunnus.",
    approve: "Olge taas telefon ja kinnitage PIN-iga. Seejärel küsige tulemust seansi tunnusega.",
    sign: "Küsige allkirja räsile. Vastuses on ka kontrollkood, mida telefon peab näitama.",
    tour: "Või laske kogu lool ise kulgeda, kusjuures iga allkirja kontrollitakse.",
    addresses_heading: "Aadressid",
    rp_api: "Relying Party API v3 e-teenustele",
    device_api: "Seadme API telefonidele",
    certificates: "Juur- ja väljaandvate sertifitseerimiskeskuste sertifikaadid",
    ready: "Kas andmebaas ja võtmed on kasutatavad",
    metrics: "Mõõdikud Prometheuse jaoks",
    relying_parties_heading: "E-teenused",
    demo: "Võib küsida kvalifitseeritud kontosid",
    alias: "Sama e-teenus vanemate klientide UUID all",
    advanced: "Võib küsida ka tavakontosid (Basic)",
    accounts: "Või küsige mõnelt testkontolt, mis vastab ise: see kinnitab, teised keelduvad, valivad vale koodi või jäävad vait.",
    rp_api_v2: "Relying Party API v2 vanematele e-teenustele",
    openapi: "API-de kirjeldus lugemiseks ja tööriistadele (OpenAPI)",
    mock: "Testkontod ja nende vastused; looge oma konto või laske mõnel seadmelinki skannida",
    link_title: "Smart-ID seadmelink",
    link_lead: "See link avab Smart-ID rakenduse. Näete seda lehte, sest selles seadmes rakendust ei ole või avas lingi tavaline kaamera või veebilehitseja.",
    link_unused: "Midagi ei juhtunud: linki ei kasutatud ja e-teenus ootab veel veidi aega.",
    link_scan: "Avage rakendus ja skannige rakenduses kood, mida e-teenus näitab. Ärge kunagi sisestage PIN-i veebilehele.",
    link_command: "Lingi võtab vastu ka käsurea telefon:",
};
