<?php

declare(strict_types=1);

/**
 * SK's PHP client 3 against `smart-id demo`: every flow it has, its own checks switched on. See ../README.md.
 *
 * Run it where Composer put the client: `php -d auto_prepend_file=vendor/autoload.php try.php`.
 */

use Sk\SmartId\DeviceLink\DeviceLinkInteraction as Linked;
use Sk\SmartId\Enum\{CertificateLevel, HashAlgorithm, SchemeName};
use Sk\SmartId\Model\{AuthenticationIdentity, SemanticsIdentifier};
use Sk\SmartId\Notification\NotificationInteraction as Notified;
use Sk\SmartId\Session\SessionStatus;
use Sk\SmartId\SmartIdClient;
use Sk\SmartId\Ssl\SslPinnedPublicKeyStore;
use Sk\SmartId\Util\CallbackUrlUtil;
use Sk\SmartId\Validation\{AuthenticationResponseValidator, TrustedCACertificateStore};

function setting(string $name, string $otherwise): string
{
    return getenv($name) ?: $otherwise;
}

function level(): CertificateLevel
{
    return CertificateLevel::from(setting('LEVEL', 'QUALIFIED'));
}

function client(): SmartIdClient
{
    static $client;
    // Looked at on https only, but there must be one.
    $pin = setting('KEY_PIN', 'sha256//' . base64_encode(str_repeat("\0", 32)));
    return $client ??= (new SmartIdClient(
        setting('RP_UUID', '00000000-0000-4000-8000-000000000000'),
        setting('RP_NAME', 'DEMO'),
        setting('ORIGIN', 'http://127.0.0.1:8080') . '/smart-id-rp/v3',
        SslPinnedPublicKeyStore::create()->addPublicKeyHash($pin),
    ))->setPollTimeoutMs(10_000);
}

/** Checks everything it can, revocation too unless OCSP is `off`. */
function validator(): AuthenticationResponseValidator
{
    $store = TrustedCACertificateStore::create();
    foreach (['root', 'eid-q', 'eid-nq'] as $name) {
        $store->addCertificateFromFile(setting('CERTS', 'certs') . "/$name.pem");
    }
    return $store->configureValidator(
        getenv('OCSP') === 'off' ? new AuthenticationResponseValidator() : client()->createAuthenticationResponseValidator(),
    );
}

/** Has the phone answer, meanwhile; what it says can be read from the pipe. */
function answer(string $code = '', string $link = '', string $flow = '', string $callback = ''): mixed
{
    $knows = ['CODE' => $code, 'LINK' => $link, 'FLOW' => $flow, 'CALLBACK' => $callback] + getenv();
    $process = proc_open(['sh', '-c', setting('ANSWER', __DIR__ . '/../answer.sh')], [1 => ['pipe', 'w']], $pipes, null, $knows);
    $GLOBALS['phones'][] = $process; // closing it would wait for it
    return $pipes[1];
}

function finished(string $session): SessionStatus
{
    $status = client()->getSessionStatusPoller()->pollUntilComplete($session);
    if ($between = getenv('BEFORE_CHECK')) {
        exec($between);
    }
    return $status;
}

function told(AuthenticationIdentity $person, SessionStatus $status): string
{
    return implode(' ', [
        $person->getFullName(), $person->getCountry(), $person->getIdentityCode(), $person->getDateOfBirth()?->format('Y-m-d'),
        $status->getResult()->getDocumentNumber(), $status->getInteractionTypeUsed(), $status->getSignature()->getFlowType(),
        $status->getDeviceIpAddress(),
    ]);
}

function notified(?string $document, Notified $interaction, HashAlgorithm $hash, bool $address = false): string
{
    $builder = client()->createNotificationAuthentication()
        ->withCertificateLevel(level())->withHashAlgorithm($hash)
        ->withAllowedInteractionsOrder([$interaction]);
    $builder = $document === null
        ? $builder->withSemanticsIdentifier(SemanticsIdentifier::fromString(setting('PERSON', 'PNOEE-40504040001')))
        : $builder->withDocumentNumber($document);
    $session = ($address ? $builder->withShareMdClientIpAddress() : $builder)->initiate();
    answer(code: $session->getVerificationCode());
    $status = finished($session->getSessionId());
    return told(validator()->validate(
        $status, $session->getRpChallenge(), client()->getRelyingPartyName(), $session->getInteractionsBase64(),
        requiredCertificateLevel: level(), schemeName: SchemeName::DEMO,
    ), $status);
}

function linked(bool $sameDevice): string
{
    ['callbackUrl' => $url, 'token' => $token] = CallbackUrlUtil::createCallbackUrl(setting('CALLBACK_BASE', 'https://rp.example.org/back'));
    $builder = client()->createDeviceLinkAuthentication()
        ->withCertificateLevel(level())
        ->withAllowedInteractionsOrder([Linked::displayTextAndPin('Log in €/?')]);
    $session = ($sameDevice ? $builder->withCallbackUrl($url) : $builder)->initiate();
    $links = $session->createDeviceLinkBuilder()->withDemoEnvironment();
    $phone = $sameDevice
        ? answer(link: $links->withCallbackUrl($url)->buildWeb2AppUrl(), flow: 'Web2App', callback: $url)
        : answer(link: $links->withElapsedSeconds($session->getElapsedSeconds())->buildQrCodeUrl(), flow: 'QR');
    $status = finished($session->getSessionId());
    if ($sameDevice) {
        back($phone, $token, $session->getResponse()->getSessionSecret(), $status->getSignature()->getUserChallenge());
    }
    return told(validator()->validate(
        $status, $session->getRpChallenge(), client()->getRelyingPartyName(), $session->getInteractionsBase64(), $sameDevice ? $url : null,
        requiredCertificateLevel: level(), schemeName: SchemeName::DEMO,
    ), $status);
}

/** What the browser that comes back brings along has to fit the session. */
function back(mixed $phone, string $token, string $secret, string $challenge): void
{
    $said = stream_get_contents($phone);
    preg_match('/RETURN_TO=(\S+)/', $said, $found) || throw new RuntimeException("nobody came back: $said");
    parse_str(parse_url($found[1], PHP_URL_QUERY), $brought);
    $brought['value'] === $token || throw new RuntimeException("another token: $found[1]");
    CallbackUrlUtil::validateSessionSecretDigest($brought['sessionSecretDigest'], $secret);
    validator()->verifyUserChallenge($brought['userChallengeVerifier'], $challenge);
}

$flows = [
    'notified login, person' => fn () => notified(null, Notified::confirmationMessage('Log in?'), HashAlgorithm::SHA512),
    'notified login, document' => fn () => notified(getenv('DOCUMENT'), Notified::displayTextAndPin('Log in €/?'), HashAlgorithm::SHA256),
    'notified login, code choice' => fn () => notified(null, Notified::confirmationMessageAndVerificationCodeChoice('Log in?'), HashAlgorithm::SHA384),
    'notified login, address' => fn () => notified(null, Notified::confirmationMessage('Log in?'), HashAlgorithm::SHA512, address: true),
    'linked login, anonymous, QR' => fn () => linked(sameDevice: false),
    'linked login, anonymous, Web2App' => fn () => linked(sameDevice: true),
];
$wanted = array_slice($argv, 1);
$passed = $failed = 0;
foreach ($flows as $name => $flow) {
    if ($wanted && !array_filter($wanted, fn ($part) => str_contains($name, $part))) {
        continue;
    }
    try {
        $told = $flow();
        echo "ok    $name: $told\n";
        $passed++;
    } catch (Throwable $error) {
        echo "FAIL  $name: ", $error::class, ': ', $error->getMessage(), "\n";
        $failed++;
    }
}
echo "$passed passed, $failed failed\n";
exit($failed === 0 ? 0 : 1);
