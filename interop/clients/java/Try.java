import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

import ee.sk.smartid.*;
import ee.sk.smartid.common.devicelink.CallbackUrl;
import ee.sk.smartid.common.devicelink.interactions.DeviceLinkInteraction;
import ee.sk.smartid.common.notification.interactions.NotificationInteraction;
import ee.sk.smartid.rest.dao.*;
import ee.sk.smartid.util.CallbackUrlUtil;

/** SK's Java client 3 against {@code smart-id demo}: every flow it has, its own checks switched on. See ../README.md. */
public class Try {
    static final String SCHEME = "smart-id-demo";
    static final CertificateLevel LEVEL = CertificateLevel.valueOf(setting("LEVEL", "QUALIFIED"));
    /** What signatures ask for: the highest that accounts of the level have. */
    static final CertificateLevel SIGNING = LEVEL == CertificateLevel.QUALIFIED ? CertificateLevel.QSCD : LEVEL;
    static final byte[] DATA = "data to sign".getBytes(StandardCharsets.UTF_8);
    static final SemanticsIdentifier PERSON = new SemanticsIdentifier(setting("PERSON", "PNOEE-40504040001"));
    static final String DOCUMENT = setting("DOCUMENT", null);
    static final SmartIdClient CLIENT = client();
    static final CertificateValidator CHAIN = chain();

    interface Flow {
        String run() throws Exception;
    }

    public static void main(String[] wanted) {
        Map<String, Flow> flows = new LinkedHashMap<>();
        flows.put("notified login, person", () -> notifiedLogin(false, NotificationInteraction.confirmationMessage("Log in?"), HashAlgorithm.SHA3_512));
        flows.put("notified login, document", () -> notifiedLogin(true, NotificationInteraction.displayTextAndPin("Log in €/?"), HashAlgorithm.SHA_256));
        flows.put("notified login, code choice", () -> notifiedLogin(false, NotificationInteraction.confirmationMessageAndVerificationCodeChoice("Log in?"), HashAlgorithm.SHA_512));
        flows.put("notified signature, person", () -> notifiedSignature(false, NotificationInteraction.confirmationMessage("Sign?"), HashAlgorithm.SHA_512));
        flows.put("notified signature, document", () -> notifiedSignature(true, NotificationInteraction.displayTextAndPin("Sign?"), HashAlgorithm.SHA3_256));
        flows.put("notified signature, code choice", () -> notifiedSignature(false, NotificationInteraction.confirmationMessageAndVerificationCodeChoice("Sign?"), HashAlgorithm.SHA_384));
        flows.put("notified certificate choice", Try::notifiedChoice);
        flows.put("certificate of a document", Try::certificateOfDocument);
        flows.put("linked login, anonymous, QR", () -> linkedLogin("anybody", DeviceLinkType.QR_CODE));
        flows.put("linked login, person, QR", () -> linkedLogin("person", DeviceLinkType.QR_CODE));
        flows.put("linked login, anonymous, Web2App", () -> linkedLogin("anybody", DeviceLinkType.WEB_2_APP));
        flows.put("linked login, document, App2App", () -> linkedLogin("document", DeviceLinkType.APP_2_APP));
        flows.put("linked signature, person, QR", () -> linkedSignature(false, DeviceLinkType.QR_CODE));
        flows.put("linked signature, document, Web2App", () -> linkedSignature(true, DeviceLinkType.WEB_2_APP));
        flows.put("choice and signature, QR", () -> choiceAndSignature(DeviceLinkType.QR_CODE));
        flows.put("choice and signature, App2App", () -> choiceAndSignature(DeviceLinkType.APP_2_APP));

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
                System.out.println("FAIL  " + flow.getKey() + ": " + e + (e.getCause() == null ? "" : " because of " + e.getCause()));
                failed++;
            }
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    static SmartIdClient client() {
        var client = new SmartIdClient();
        client.setHostUrl(setting("ORIGIN", "http://127.0.0.1:8080") + "/smart-id-rp/v3/");
        client.setRelyingPartyUUID(setting("RP_UUID", "00000000-0000-4000-8000-000000000000"));
        client.setRelyingPartyName(setting("RP_NAME", "DEMO"));
        client.setSessionStatusResponseSocketOpenTime(TimeUnit.SECONDS, 10);
        try {
            // It wants a certificate to trust even for http.
            client.setTrustedCertificates(Files.readString(Path.of(setting("TLS_CA", certificates() + "/root.pem"))));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return client;
    }

    static String certificates() {
        return setting("CERTS", "certs");
    }

    static CertificateValidator chain() {
        // Its builders throw for OCSP. The store that they build does not: the JDK asks then, if these two allow it to,
        // OCSP for people's certificates and the CRL for the CAs'.
        Security.setProperty("ocsp.enable", "true");
        System.setProperty("com.sun.security.enableCRLDP", "true");
        return new CertificateValidatorImpl(new DefaultTrustedCACertStore(
                Set.of(new TrustAnchor(certificate("root"), null)),
                List.of(certificate("eid-q"), certificate("eid-nq")),
                !setting("OCSP", "on").equals("off")));
    }

    static X509Certificate certificate(String name) {
        try (InputStream pem = Files.newInputStream(Path.of(certificates(), name + ".pem"))) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(pem);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    static String notifiedLogin(boolean document, NotificationInteraction interaction, HashAlgorithm hash) throws Exception {
        RpChallenge challenge = RpChallengeGenerator.generate();
        var builder = CLIENT.createNotificationAuthentication()
                .withRpChallenge(challenge.toBase64EncodedValue())
                .withCertificateLevel(AuthenticationCertificateLevel.valueOf(LEVEL.name()))
                .withHashAlgorithm(hash)
                .withShareMdClientIpAddress(true)
                .withInteractions(List.of(interaction));
        if (document) {
            builder.withDocumentNumber(DOCUMENT);
        } else {
            builder.withSemanticsIdentifier(PERSON);
        }
        var session = builder.initAuthenticationSession();
        answer(VerificationCodeCalculator.calculate(challenge.value()), "", "", "");
        SessionStatus status = finished(session.sessionID());
        return told(NotificationAuthenticationResponseValidator.defaultSetupWithCertificateValidator(CHAIN)
                .validate(status, builder.getAuthenticationSessionRequest(), SCHEME)) + told(status);
    }

    static String notifiedSignature(boolean document, NotificationInteraction interaction, HashAlgorithm hash) throws Exception {
        var data = new SignableData(DATA, hash);
        var builder = CLIENT.createNotificationSignature()
                .withCertificateLevel(SIGNING)
                .withSignableData(data)
                .withNonce(nonce())
                .withInteractions(List.of(interaction));
        if (document) {
            builder.withDocumentNumber(DOCUMENT);
        } else {
            builder.withSemanticsIdentifier(PERSON);
        }
        var session = builder.initSignatureSession();
        answer(session.vc().value(), "", "", "");
        return signed(finished(session.sessionID()), SIGNING);
    }

    static String notifiedChoice() throws Exception {
        var session = CLIENT.createNotificationCertificateChoice().withCertificateLevel(LEVEL).withSemanticsIdentifier(PERSON).withNonce(nonce()).initCertificateChoice();
        answer("", "", "", "");
        SessionStatus status = finished(session.sessionID());
        new CertificateChoiceResponseValidator(CHAIN).validate(status, LEVEL);
        return told(status);
    }

    static String certificateOfDocument() {
        var found = CLIENT.createCertificateByDocumentNumber().withDocumentNumber(DOCUMENT).withCertificateLevel(SIGNING).getCertificateByDocumentNumber();
        CHAIN.validate(found.certificate());
        new SignatureCertificatePurposeValidatorFactoryImpl().create(found.certificateLevel()).validate(found.certificate());
        return found.certificateLevel() + " " + found.certificate().getSubjectX500Principal();
    }

    static String linkedLogin(String whom, DeviceLinkType type) throws Exception {
        CallbackUrl url = callbackUrl();
        String challenge = RpChallengeGenerator.generate().toBase64EncodedValue();
        var builder = CLIENT.createDeviceLinkAuthentication()
                .withRpChallenge(challenge)
                .withCertificateLevel(AuthenticationCertificateLevel.valueOf(LEVEL.name()))
                .withInteractions(List.of(DeviceLinkInteraction.confirmationMessage("Log in €/?")));
        if (sameDevice(type)) {
            builder.withInitialCallbackUrl(url.initialCallbackUri().toString());
        }
        if (whom.equals("person")) {
            builder.withSemanticsIdentifier(PERSON);
        }
        if (whom.equals("document")) {
            builder.withDocumentNumber(DOCUMENT);
        }
        DeviceLinkSessionResponse session = builder.initAuthenticationSession();
        DeviceLinkAuthenticationSessionRequest request = builder.getAuthenticationSessionRequest();
        Process phone = show(session, type, url, CLIENT.createDynamicContent()
                .withSessionType(SessionType.AUTHENTICATION).withDigest(challenge).withInteractions(request.interactions()));
        SessionStatus status = finished(session.sessionID());
        String verifier = sameDevice(type) && succeeded(status) ? back(phone, url, session).get("userChallengeVerifier") : null;
        return told(DeviceLinkAuthenticationResponseValidator.defaultSetupWithCertificateValidator(CHAIN)
                .validate(status, request, verifier, SCHEME)) + told(status);
    }

    static String linkedSignature(boolean document, DeviceLinkType type) throws Exception {
        CallbackUrl url = callbackUrl();
        var data = new SignableData(DATA, HashAlgorithm.SHA_512);
        var builder = CLIENT.createDeviceLinkSignature()
                .withCertificateLevel(LEVEL)
                .withSignableData(data)
                .withNonce(nonce())
                .withInteractions(List.of(DeviceLinkInteraction.displayTextAndPin("Sign?")));
        if (sameDevice(type)) {
            builder.withInitialCallbackUrl(url.initialCallbackUri().toString());
        }
        if (document) {
            builder.withDocumentNumber(DOCUMENT);
        } else {
            builder.withSemanticsIdentifier(PERSON);
        }
        DeviceLinkSessionResponse session = builder.initSignatureSession();
        Process phone = show(session, type, url, CLIENT.createDynamicContent()
                .withSessionType(SessionType.SIGNATURE).withDigest(data.getDigestInBase64())
                .withInteractions(builder.getSignatureSessionRequest().interactions()));
        String told = signed(finished(session.sessionID()), LEVEL);
        if (sameDevice(type)) {
            back(phone, url, session);
        }
        return told;
    }

    static String choiceAndSignature(DeviceLinkType type) throws Exception {
        CallbackUrl url = callbackUrl();
        var builder = CLIENT.createDeviceLinkCertificateRequest().withCertificateLevel(LEVEL).withNonce(nonce());
        if (sameDevice(type)) {
            builder.withInitialCallbackUrl(url.initialCallbackUri().toString());
        }
        DeviceLinkSessionResponse session = builder.initCertificateChoice();
        show(session, type, url, CLIENT.createDynamicContent().withSessionType(SessionType.CERTIFICATE_CHOICE)).waitFor();
        var chosen = new CertificateChoiceResponseValidator(CHAIN).validate(finished(session.sessionID()));
        var signing = CLIENT.createLinkedNotificationSignature()
                .withDocumentNumber(chosen.getDocumentNumber())
                .withLinkedSessionID(session.sessionID())
                .withCertificateLevel(LEVEL)
                .withSignableData(new SignableData(DATA, HashAlgorithm.SHA_256))
                .withNonce(nonce())
                .withInteractions(List.of(DeviceLinkInteraction.displayTextAndPin("Sign?")))
                .initSignatureSession();
        Process phone = answer("", "", "", sameDevice(type) ? url.initialCallbackUri().toString() : "");
        String told = signed(finished(signing.sessionID()), LEVEL);
        if (sameDevice(type)) {
            back(phone, url, session);
        }
        return "chose " + chosen.getDocumentNumber() + ", then " + told;
    }

    /** Has the phone answer, meanwhile, as the command in ANSWER. */
    static Process answer(String code, String link, String flow, String callback) throws IOException {
        var phone = new ProcessBuilder("sh", "-c", setting("ANSWER", "./answer.sh")).redirectErrorStream(true);
        phone.environment().putAll(Map.of("CODE", code, "LINK", link, "FLOW", flow, "CALLBACK", callback));
        return phone.start();
    }

    /** Shows the session's device link to the phone. */
    static Process show(DeviceLinkSessionResponse session, DeviceLinkType type, CallbackUrl url, DeviceLinkBuilder link) throws IOException {
        link.withSchemeName(SCHEME).withDeviceLinkBase(session.deviceLinkBase().toString()).withDeviceLinkType(type)
                .withSessionToken(session.sessionToken()).withLang("est");
        if (!sameDevice(type)) {
            link.withElapsedSeconds(Duration.between(session.receivedAt(), Instant.now()).getSeconds());
            return answer("", link.buildDeviceLink(session.sessionSecret()).toString(), type.getValue(), "");
        }
        String callback = url.initialCallbackUri().toString();
        return answer("", link.withInitialCallbackUrl(callback).buildDeviceLink(session.sessionSecret()).toString(), type.getValue(), callback);
    }

    static boolean sameDevice(DeviceLinkType type) {
        return type != DeviceLinkType.QR_CODE;
    }

    static CallbackUrl callbackUrl() {
        return CallbackUrlUtil.createCallbackUrl(setting("CALLBACK_BASE", "https://rp.example.org/back"));
    }

    /** What the browser that comes back brings along, after the client's check of it. */
    static Map<String, String> back(Process phone, CallbackUrl url, DeviceLinkSessionResponse session) throws IOException {
        String said = new String(phone.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String address = said.lines().filter(line -> line.startsWith("RETURN_TO=")).findFirst()
                .orElseThrow(() -> new IllegalStateException("nobody came back: " + said)).substring("RETURN_TO=".length());
        Map<String, String> brought = new TreeMap<>();
        for (String pair : URI.create(address).getRawQuery().split("&")) {
            brought.put(pair.split("=", 2)[0], pair.split("=", 2)[1]);
        }
        if (!url.urlToken().equals(brought.get("value"))) {
            throw new IllegalStateException("another token: " + address);
        }
        CallbackUrlUtil.validateSessionSecretDigest(brought.get("sessionSecretDigest"), session.sessionSecret());
        return brought;
    }

    static SessionStatus finished(String session) {
        SessionStatus status = CLIENT.getSessionStatusPoller().fetchFinalSessionStatus(session);
        String between = setting("BEFORE_CHECK", null);
        if (between != null) {
            try {
                new ProcessBuilder("sh", "-c", between).inheritIO().start().waitFor();
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
        return status;
    }

    /** The validators tell a failure better than a callback that is not there. */
    static boolean succeeded(SessionStatus status) {
        return "OK".equals(status.getResult().getEndResult());
    }

    /** The client leaves the signature over the data to its user. */
    static String signed(SessionStatus status, CertificateLevel level) {
        SignatureResponse response = new SignatureResponseValidator(CHAIN).validate(status, level);
        new SignatureValueValidatorImpl().validate(response.getSignatureValue(), DATA, response.getCertificate(), response.getRsaSsaPssParameters());
        return told(status);
    }

    static String told(AuthenticationIdentity person) {
        return person.getGivenName() + " " + person.getSurname() + " " + person.getIdentityNumber() + " " + person.getDateOfBirth().orElse(null) + " ";
    }

    static String told(SessionStatus status) {
        return String.join(" ", status.getResult().getDocumentNumber(), status.getCert().getCertificateLevel(), status.getInteractionTypeUsed(),
                status.getSignature() == null ? "" : status.getSignature().getFlowType(), status.getDeviceIpAddress() == null ? "" : status.getDeviceIpAddress());
    }

    static String nonce() {
        return UUID.randomUUID().toString().substring(0, 23);
    }
}
