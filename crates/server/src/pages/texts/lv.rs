use super::Texts;

pub(crate) const LATVIAN: Texts = Texts {
    language: "Latviešu",
    languages: "Valoda",
    title: "Open Smart-ID demonstrācija",
    lead: "Šajā datorā darbojas pilnīga mobilā elektroniskā identitāte. Cilvēks savā tālrunī iegūst kontu, ar PIN1 \
           piesakās e-pakalpojumos un ar PIN2 paraksta dokumentus. Katra privātā atslēga pastāv tikai divās daļās, viena \
           tālrunī un otra serverī, un neviena no tām viena pati neparaksta.",
    notice_heading: "Kas tas nav",
    notice: "Tā ir publicētu protokolu neatkarīga realizācija, kas nav saistīta ar SK ID Solutions vai Cybernetica un \
             nav sertificēta kvalificēta paraksta radīšanas ierīce. Šeit radītajiem parakstiem nav juridiska spēka.",
    data: "Izmantojiet tikai izdomātas personas: demonstrācija notic ikvienam bez pierādījumiem. Ja tā nav palaista ar \
           --data, apturot viss tiek izdzēsts.",
    try_heading: "Izmēģiniet",
    program: "Ierakstiet šīs komandas terminālī. Pēc “cargo build --release” programma smart-id ir \
              target/release/smart-id.",
    register: "Reģistrējiet tālruni. Tā atslēgas tiek radītas tagad; tas prasa laiku, tāpat kā īstā tālrunī.",
    log_in: "Esiet e-pakalpojums un lūdziet personai pieteikties. Atbildē ir sesijas identifikators.",
    approve: "Atkal esiet tālrunis un apstipriniet ar PIN. Pēc tam ar sesijas identifikatoru pieprasiet rezultātu.",
    sign: "Pieprasiet jaucējvērtības parakstu. Atbildē ir arī kontroles kods, kas tālrunim jāparāda.",
    tour: "Vai ļaujiet visam stāstam noritēt pašam, pārbaudot katru parakstu.",
    addresses_heading: "Adreses",
    rp_api: "Relying Party API v3 e-pakalpojumiem",
    device_api: "Ierīces API tālruņiem",
    certificates: "Saknes un izdevējiestāžu sertifikāti",
    ready: "Vai datubāze un atslēgas ir lietojamas",
    metrics: "Metrikas Prometheus vajadzībām",
    relying_parties_heading: "E-pakalpojumi",
    demo: "Drīkst prasīt kvalificētus kontus",
    alias: "Tas pats ar UUID, ko lieto vecākas klientu programmas",
    advanced: "Drīkst prasīt arī Basic kontus",
    accounts: "Vai jautājiet kādam testa kontam, kas atbild pats: šis apstiprina, citi atsakās, izvēlas nepareizu kodu vai klusē.",
    rp_api_v2: "Relying Party API v2 vecākiem e-pakalpojumiem",
    openapi: "API apraksts lasīšanai un rīkiem (OpenAPI)",
    mock: "Testa konti un to atbildes; izveidojiet savu vai ļaujiet kādam noskenēt ierīces saiti",
    link_title: "Smart-ID saite",
    link_lead: "Šī saite atver Smart-ID lietotni. Jūs redzat šo lapu, jo šajā ierīcē lietotnes nav vai saiti atvēra parasta kamera vai pārlūkprogramma.",
    link_unused: "Nekas nav noticis: saite nav izmantota, un e-pakalpojums vēl īsu brīdi gaida.",
    link_scan: "Atveriet lietotni un lietotnē noskenējiet kodu, ko rāda e-pakalpojums. Nekad neievadiet PIN tīmekļa lapā.",
    link_command: "Saiti pieņem arī komandrindas tālrunis:",
};
