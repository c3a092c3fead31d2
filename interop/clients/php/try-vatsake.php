<?php

declare(strict_types=1);

/**
 * vatsake/smart-id-v3 against `smart-id demo`: log-ins and signatures, its own checks switched on, revocation too unless OCSP
 * is `off`. See ../README.md.
 *
 * Run it where Composer put the client and Guzzle: `php -d auto_prepend_file=vendor/autoload.php try-vatsake.php`.
 */

use GuzzleHttp\{Client, HandlerStack, Middleware};
use GuzzleHttp\Psr7\Uri;
use Psr\Cache\{CacheItemInterface, CacheItemPoolInterface};
use Psr\Http\Message\RequestInterface;
use Vatsake\SmartIdV3\Config\SmartIdConfig;
use Vatsake\SmartIdV3\Enums\{CertificateLevel, DeviceLinkType, HashAlgorithm, NaturalIdentityType, SmartIdEnv};
use Vatsake\SmartIdV3\Identity\SemanticsIdentifier;
use Vatsake\SmartIdV3\Requests as Ask;
use Vatsake\SmartIdV3\SmartId;
use Vatsake\SmartIdV3\Utils\{RpChallenge, VcCode};

function setting(string $name, string $otherwise): string
{
    return getenv($name) ?: $otherwise;
}

/** The client falls back on the CRL where OCSP does not answer, and keeps it here. We want OCSP's answer or a failure. */
class NoCrl implements CacheItemPoolInterface
{
    public function getItem(string $key): CacheItemInterface { throw new RuntimeException('OCSP did not answer'); }
    public function getItems(array $keys = []): iterable { return []; }
    public function hasItem(string $key): bool { return false; }
    public function clear(): bool { return true; }
    public function deleteItem(string $key): bool { return true; }
    public function deleteItems(array $keys): bool { return true; }
    public function save(CacheItemInterface $item): bool { return true; }
    public function saveDeferred(CacheItemInterface $item): bool { return true; }
    public function commit(): bool { return true; }
}

function client(): SmartId
{
    static $client;
    if ($client) {
        return $client;
    }
    // Its base URL is compiled in. Other addresses, those of OCSP, are left alone.
    $here = new Uri(setting('ORIGIN', 'http://127.0.0.1:8080'));
    $stack = HandlerStack::create();
    $stack->push(Middleware::mapRequest(fn (RequestInterface $request) => $request->getUri()->getHost() !== 'sid.demo.sk.ee'
        ? $request
        : $request->withUri($request->getUri()->withScheme($here->getScheme())->withHost($here->getHost())->withPort($here->getPort()))));
    return $client = new SmartId(new SmartIdConfig(
        relyingPartyUUID: setting('RP_UUID', '00000000-0000-4000-8000-000000000000'),
        relyingPartyName: setting('RP_NAME', 'DEMO'),
        cache: new NoCrl(),
        certificatePath: setting('CERTS', 'certs'),
        env: SmartIdEnv::DEMO,
        httpClient: new Client(['handler' => $stack]),
    ));
}

function level(): CertificateLevel
{
    return CertificateLevel::from(setting('LEVEL', 'QUALIFIED'));
}

function person(): SemanticsIdentifier
{
    [$country, $code] = explode('-', setting('PERSON', 'PNOEE-40504040001'), 2);
    return SemanticsIdentifier::builder()->withType(NaturalIdentityType::NATIONAL_PERSONAL_NUMBER)
        ->withCountryCode(substr($country, 3))->withIdentifier($code)->build();
}

/** Has the phone answer, meanwhile. */
function answer(string $code = '', string $link = ''): mixed
{
    $knows = ['CODE' => $code, 'LINK' => $link, 'FLOW' => $link ? 'QR' : '', 'CALLBACK' => ''] + getenv();
    return $GLOBALS['phones'][] = proc_open(['sh', '-c', setting('ANSWER', __DIR__ . '/../answer.sh')], [1 => ['file', '/dev/null', 'w']], $pipes, null, $knows);
}

function finished(mixed $session, string $kind): mixed
{
    $response = client()->session($session)->withPolling(200)->{"get{$kind}Session"}(20_000);
    if ($between = getenv('BEFORE_CHECK')) {
        exec($between);
    }
    return $response;
}

function checked(mixed $response): string
{
    $response->validate()->withSignatureValidation()->withCertificateValidation()
        ->withRevocationValidation(getenv('OCSP') !== 'off')->check();
    return implode(' ', [
        $response->certificate->getSubjectName(), $response->documentNumber, $response->certificate->certificateLevel->value,
        $response->interactionTypeUsed->value, $response->signature->flowType->value,
    ]);
}

function notifiedLogin(bool $document, HashAlgorithm $hash): string
{
    $challenge = RpChallenge::generate();
    $request = Ask\NotificationAuthRequest::builder()->withCertificateLevel(level())->withInteractions(null, 'Log in?')
        ->withRpChallenge($challenge, $hash)->build();
    $start = client()->notification()->authentication();
    $session = $document ? $start->startDocument($request, getenv('DOCUMENT')) : $start->startEtsi($request, person());
    answer(code: VcCode::fromRpChallenge($challenge));
    return checked(finished($session, 'Auth'));
}

function notifiedSignature(bool $document, HashAlgorithm $hash): string
{
    $request = Ask\NotificationSigningRequest::builder()->withCertificateLevel(level())->withInteractions('Sign?')
        ->withData('data to sign', $hash)->build();
    $start = client()->notification()->signing();
    $session = $document ? $start->startDocument($request, getenv('DOCUMENT')) : $start->startEtsi($request, person());
    answer();
    return checked(finished($session, 'Signing'));
}

function linkedLogin(): string
{
    $session = client()->deviceLink()->authentication()->startAnonymous(
        Ask\DeviceLinkAuthRequest::builder()->withCertificateLevel(level())->withInteractions('Log in?')
            ->withRpChallenge(RpChallenge::generate(), HashAlgorithm::SHA_256)->build(),
    );
    answer(link: $session->getDeviceLink(DeviceLinkType::QR));
    return checked(finished($session, 'Auth'));
}

function choiceAndSignature(): string
{
    $session = client()->deviceLink()->signing()->startAnonymousCertChoice(
        Ask\DeviceLinkCertChoiceRequest::builder()->withCertificateLevel(level())->build(),
    );
    proc_close(answer(link: $session->getDeviceLink(DeviceLinkType::QR)));
    $chosen = client()->session($session)->withPolling(200)->getCertChoiceSession(20_000);
    $linked = client()->notification()->signing()->startLinkedSigning(
        Ask\LinkedRequest::builder()->withCertificateLevel(level())->withInteractions('Sign?')->withLinkedSessionId($session->getSessionId())
            ->withData('data to sign', HashAlgorithm::SHA_256)->build(),
        $chosen->documentNumber,
    );
    answer();
    return "chose $chosen->documentNumber, then " . checked(finished($linked, 'Signing'));
}

$flows = [
    'notified login, person' => fn () => notifiedLogin(false, HashAlgorithm::SHA_256),
    'notified login, document' => fn () => notifiedLogin(true, HashAlgorithm::SHA_512),
    'notified signature, person' => fn () => notifiedSignature(false, HashAlgorithm::SHA_384),
    'notified signature, document' => fn () => notifiedSignature(true, HashAlgorithm::SHA_512),
    'linked login, anonymous, QR' => fn () => linkedLogin(),
    'choice and signature, QR' => fn () => choiceAndSignature(),
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
