use super::Texts;

pub(crate) const GERMAN: Texts = Texts {
    language: "Deutsch",
    languages: "Sprache",
    title: "Open-Smart-ID-Demo",
    lead: "Auf diesem Computer läuft eine vollständige mobile elektronische Identität. Menschen bekommen ein Konto auf \
           ihrem Telefon, melden sich mit PIN1 bei E-Diensten an und unterschreiben Dokumente mit PIN2. Jeder private \
           Schlüssel besteht nur aus zwei Anteilen, einem im Telefon und einem im Server, und keiner signiert allein.",
    notice_heading: "Was dies nicht ist",
    notice: "Eine unabhängige Umsetzung veröffentlichter Protokolle, nicht verbunden mit SK ID Solutions oder \
             Cybernetica, und keine zertifizierte qualifizierte Signaturerstellungseinheit. Hier erstellte \
             Unterschriften haben keine rechtliche Wirkung.",
    data: "Verwenden Sie nur erfundene Personen: Die Demo glaubt jedem ohne Nachweis. Wurde sie nicht mit --data \
           gestartet, wird beim Beenden alles gelöscht.",
    try_heading: "Probieren Sie es aus",
    program: "Geben Sie dies in einem Terminal ein. Nach „cargo build --release“ liegt smart-id unter \
              target/release/smart-id.",
    register: "Registrieren Sie ein Telefon. Seine Schlüssel entstehen jetzt; das dauert, wie auf einem echten Telefon.",
    log_in: "Seien Sie ein E-Dienst und bitten Sie die Person, sich anzumelden. Die Antwort nennt die Sitzung.",
    approve: "Seien Sie wieder das Telefon und bestätigen Sie mit der PIN. Fragen Sie dann mit der Sitzungs-ID das \
              Ergebnis ab.",
    sign: "Bitten Sie um eine Unterschrift über einen Hashwert. Die Antwort enthält auch den Kontrollcode, den das \
           Telefon zeigen muss.",
    tour: "Oder lassen Sie die ganze Geschichte von selbst ablaufen; jede Unterschrift wird geprüft.",
    addresses_heading: "Adressen",
    rp_api: "Relying Party API v3, für E-Dienste",
    device_api: "Geräte-API, für Telefone",
    certificates: "Zertifikate der Wurzel und der ausstellenden Stellen",
    ready: "Ob Datenbank und Schlüssel benutzbar sind",
    metrics: "Messwerte für Prometheus",
    relying_parties_heading: "E-Dienste",
    demo: "Darf nach qualifizierten Konten fragen",
    alias: "Derselbe, unter der UUID älterer Clients",
    advanced: "Darf auch nach Basic-Konten fragen",
    accounts: "Oder fragen Sie eines der Testkonten, die von selbst antworten: Dieses bestätigt, andere lehnen ab, wählen einen falschen Code oder schweigen.",
    rp_api_v2: "Relying Party API v2, für ältere E-Dienste",
    openapi: "Beschreibung der APIs, zum Lesen und für Werkzeuge (OpenAPI)",
    mock: "Testkonten und was sie tun; legen Sie eigene an, oder lassen Sie eines einen Gerätelink scannen",
    link_title: "Smart-ID-Link",
    link_lead: "Dieser Link öffnet die Smart-ID-App. Sie sehen diese Seite, weil die App nicht auf diesem Gerät ist oder weil eine gewöhnliche Kamera oder ein Browser den Link geöffnet hat.",
    link_unused: "Es ist nichts geschehen: Der Link ist nicht benutzt, und der E-Dienst wartet noch kurze Zeit.",
    link_scan: "Öffnen Sie die App und scannen Sie in der App den Code, den der E-Dienst zeigt. Geben Sie nie eine PIN auf einer Webseite ein.",
    link_command: "Auch das Telefon der Kommandozeile nimmt den Link an:",
};
