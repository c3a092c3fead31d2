use super::Texts;

pub(crate) const FRENCH: Texts = Texts {
    language: "Français",
    languages: "Langue",
    title: "Démonstration d’Open Smart-ID",
    lead: "Une identité électronique mobile complète fonctionne sur cet ordinateur. Chacun obtient un compte sur son \
           téléphone, se connecte aux services en ligne avec PIN1 et signe des documents avec PIN2. Chaque clé privée \
           n’existe qu’en deux parts, l’une dans le téléphone, l’autre dans le serveur, et aucune ne signe seule.",
    notice_heading: "Ce que ce n’est pas",
    notice: "C’est une mise en œuvre indépendante de protocoles publiés, sans lien avec SK ID Solutions ni Cybernetica, \
             et non un dispositif certifié de création de signature qualifiée. Les signatures faites ici n’ont aucune \
             valeur juridique.",
    data: "N’utilisez que des personnes inventées : la démonstration croit chacun sans preuve. Sauf si elle a été lancée \
           avec --data, tout est effacé à l’arrêt.",
    try_heading: "Essayez",
    program: "Saisissez ces commandes dans un terminal. Après « cargo build --release », smart-id se trouve dans \
              target/release/smart-id.",
    register: "Enregistrez un téléphone. Ses clés sont créées maintenant ; cela prend du temps, comme sur un vrai téléphone.",
    log_in: "Soyez un service en ligne et demandez-lui de se connecter. La réponse donne l’identifiant de la session.",
    approve: "Redevenez le téléphone et confirmez avec le PIN. Demandez ensuite le résultat avec l’identifiant de la session.",
    sign: "Demandez une signature sur un condensat. La réponse contient aussi le code de contrôle que le téléphone doit \
           afficher.",
    tour: "Ou laissez toute l’histoire se dérouler seule, chaque signature étant vérifiée.",
    addresses_heading: "Adresses",
    rp_api: "Relying Party API v3, pour les services en ligne",
    device_api: "API des appareils, pour les téléphones",
    certificates: "Certificats de la racine et des autorités émettrices",
    ready: "Si la base de données et les clés sont utilisables",
    metrics: "Mesures pour Prometheus",
    relying_parties_heading: "Services en ligne",
    demo: "Peut demander des comptes qualifiés",
    alias: "Le même, sous l’UUID des anciens clients",
    advanced: "Peut aussi demander des comptes Basic",
    accounts: "Ou adressez-vous à un compte de test, qui répond de lui-même : celui-ci confirme, d’autres refusent, choisissent un mauvais code ou se taisent.",
    rp_api_v2: "Relying Party API v2, pour les services plus anciens",
    openapi: "Description des API, à lire et pour les outils (OpenAPI)",
    mock: "Les comptes de test et leurs réponses ; créez les vôtres, ou faites scanner un lien par l’un d’eux",
    link_title: "Lien Smart-ID",
    link_lead: "Ce lien ouvre l’application Smart-ID. Vous voyez cette page parce que l’application n’est pas sur cet appareil, ou parce qu’un appareil photo ou un navigateur ordinaire a ouvert le lien.",
    link_unused: "Il ne s’est rien passé : le lien n’est pas utilisé, et le service attend encore un court moment.",
    link_scan: "Ouvrez l’application et scannez, dans l’application, le code que le service affiche. Ne saisissez jamais un code PIN sur une page web.",
    link_command: "Le téléphone de la ligne de commande accepte aussi le lien :",
};
