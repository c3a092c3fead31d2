import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import ee.sk.smartid.*;
import ee.sk.smartid.rest.dao.Interaction;

/** SK's Java client 2 (RP API v2) against {@code smart-id demo}: its own checks, of which none is of revocation. See ../README.md. */
public class TryV2 {
    static final byte[] DATA = "data to sign".getBytes(StandardCharsets.UTF_8);
    static final String LEVEL = setting("LEVEL", "QUALIFIED");
    static final String PERSON = setting("PERSON", "PNOEE-40504040001");
    static final String DOCUMENT = setting("DOCUMENT", null);
    static final SmartIdClient CLIENT = new SmartIdClient();

    interface Flow {
        String run() throws Exception;
    }

    public static void main(String[] wanted) throws Exception {
        CLIENT.setHostUrl(setting("ORIGIN", "http://127.0.0.1:8080") + "/smart-id-rp/v2/");
        CLIENT.setRelyingPartyUUID(setting("RP_UUID", "00000000-0000-4000-8000-000000000000"));
        CLIENT.setRelyingPartyName(setting("RP_NAME", "DEMO"));
        CLIENT.setSessionStatusResponseSocketOpenTime(TimeUnit.SECONDS, 10);
        // It wants a certificate to trust even for http.
        CLIENT.setTrustedCertificates(Files.readString(Path.of(setting("TLS_CA", setting("CERTS", "certs") + "/root.pem"))));

        Map<String, Flow> flows = new LinkedHashMap<>();
        flows.put("notified login, person", () -> login(false, HashType.SHA512));
        flows.put("notified login, document", () -> login(true, HashType.SHA256));
        flows.put("notified signature, person", () -> signature(false, HashType.SHA512));
        flows.put("notified signature, document", () -> signature(true, HashType.SHA384));

        int passed = 0;
        int failed = 0;
        for (Map.Entry<String, Flow> flow : flows.entrySet()) {
            if (wanted.length > 0 && Arrays.stream(wanted).noneMatch(flow.getKey()::contains)) {
                continue;
            }
            try {
                System.out.println("ok    " + flow.getKey() + ": " + flow.getValue().run());
                passed++;
            } catch (Exception e) {
                System.out.println("FAIL  " + flow.getKey() + ": " + e);
                failed++;
            }
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    static X509Certificate certificate(String name) throws Exception {
        try (InputStream pem = Files.newInputStream(Path.of(setting("CERTS", "certs"), name + ".pem"))) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(pem);
        }
    }

    static String login(boolean document, HashType type) throws Exception {
        AuthenticationHash hash = AuthenticationHash.generateRandomHash(type);
        answer(hash.calculateVerificationCode());
        var builder = CLIENT.createAuthentication().withAuthenticationHash(hash).withCertificateLevel(LEVEL)
                .withAllowedInteractionsOrder(List.of(Interaction.displayTextAndPIN("Log in?")));
        var response = (document ? builder.withDocumentNumber(DOCUMENT) : builder.withSemanticsIdentifierAsString(PERSON)).authenticate();
        // It wants the issuing CAs, not the root.
        var person = new AuthenticationResponseValidator(new X509Certificate[] {certificate("eid-q"), certificate("eid-nq")}).validate(response);
        return String.join(" ", person.getGivenName(), person.getSurname(), person.getCountry(), person.getIdentityNumber(),
                String.valueOf(person.getDateOfBirth().orElse(null)), response.getDocumentNumber(), response.getCertificateLevel());
    }

    static String signature(boolean document, HashType type) throws Exception {
        var data = new SignableData(DATA);
        data.setHashType(type);
        answer(data.calculateVerificationCode());
        var builder = CLIENT.createSignature().withSignableData(data).withCertificateLevel(LEVEL)
                .withAllowedInteractionsOrder(List.of(Interaction.displayTextAndPIN("Sign?")));
        var signed = (document ? builder.withDocumentNumber(DOCUMENT) : builder.withSemanticsIdentifierAsString(PERSON)).sign();
        // The certificate is not in the answer, and neither it nor the signature is checked by the client: as its users do.
        answer("");
        var chosen = CLIENT.getCertificate().withDocumentNumber(signed.getDocumentNumber()).withCertificateLevel(LEVEL).fetch();
        chosen.getCertificate().verify(certificate(LEVEL.equals("ADVANCED") ? "eid-nq" : "eid-q").getPublicKey());
        var verifier = Signature.getInstance(type.name() + "withRSA");
        verifier.initVerify(chosen.getCertificate().getPublicKey());
        verifier.update(DATA);
        if (!verifier.verify(signed.getValue())) {
            throw new IllegalStateException("the signature does not verify");
        }
        return signed.getDocumentNumber() + " " + signed.getAlgorithmName() + " " + chosen.getCertificateLevel();
    }

    /** Has the phone answer, meanwhile, as the command in ANSWER. */
    static void answer(String code) throws Exception {
        var phone = new ProcessBuilder("sh", "-c", setting("ANSWER", "./answer.sh")).redirectErrorStream(true);
        phone.environment().putAll(Map.of("CODE", code, "LINK", "", "FLOW", "", "CALLBACK", ""));
        phone.redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    }
}
