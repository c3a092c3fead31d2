# frozen_string_literal: true

# The gem smart-id-ruby-client against `smart-id demo`: every flow it has, its own checks switched on. See ../README.md.

require "json"
require "net/http"
require "open3"
require "smart-id-ruby-client"

ORIGIN = ENV.fetch("ORIGIN", "http://127.0.0.1:8080")
PERSON = ENV.fetch("PERSON", "PNOEE-40504040001")
DOCUMENT = ENV.fetch("DOCUMENT")
ANSWER = ENV.fetch("ANSWER", File.expand_path("../answer.sh", __dir__))
CALLBACK_BASE = ENV.fetch("CALLBACK_BASE", "https://rp.example.org/back")
SCHEME = "smart-id-demo"
LEVEL = ENV.fetch("LEVEL", "QUALIFIED")
DATA = "data to sign"

Show = SmartIdRuby::NotificationInteraction
Check = SmartIdRuby::Validation

CLIENT = SmartIdRuby::Client.new.tap do |client|
  client.relying_party_uuid = ENV.fetch("RP_UUID", "00000000-0000-4000-8000-000000000000")
  client.relying_party_name = ENV.fetch("RP_NAME", "DEMO")
  client.host_url = "#{ORIGIN}/smart-id-rp/v3/"
  if ENV["TLS_CA"]
    tls = OpenSSL::SSL::SSLContext.new
    tls.cert_store = OpenSSL::X509::Store.new.tap { |store| store.add_file(ENV["TLS_CA"]) }
    client.trust_ssl_context = tls
  end
  client.set_session_status_response_socket_open_time(:seconds, 10)
end

# The client calls this in its OCSP check, but Ruby's openssl has no such method. The answer's own certificates are looked at anyway.
class OpenSSL::OCSP::BasicResponse
  def certs = []
end

def certificate(name) = OpenSSL::X509::Certificate.new(File.read("#{ENV.fetch('CERTS', 'certs')}/#{name}.pem"))

CHAIN = Check::CertificateValidator.new(
  use_system_store: false,
  trusted_ca_cert_store: Check::TrustedCaCertStore.new(
    trust_anchors: [certificate("root")],
    trusted_ca_certificates: [certificate("eid-q"), certificate("eid-nq")],
    ocsp_enabled: ENV["OCSP"] != "off"
  )
)

# Has the phone answer, meanwhile; its words come out of the thread.
def answer(code: "", link: "", flow: "", callback: "")
  knows = { "CODE" => code, "LINK" => link, "FLOW" => flow, "CALLBACK" => callback }
  Thread.new { Open3.capture2e(knows, "sh", "-c", ANSWER).first }
end

# What the browser that comes back brings along, after the client's check of it.
def back(phone, url, secret)
  said = phone.value
  address = said[/RETURN_TO=(\S+)/, 1] or raise "nobody came back: #{said}"
  URI.decode_www_form(URI(address).query).to_h.tap do |brought|
    raise "another token: #{address}" unless brought["value"] == url.token

    SmartIdRuby::CallbackUrlUtil.validate_session_secret_digest(brought["sessionSecretDigest"], secret)
  end
end

def value(answer, name)
  return answer[name] || answer[name.to_sym] if answer.respond_to?(:[])

  answer.public_send(name.gsub("ID", "_id").gsub(/([a-z])([A-Z])/) { "#{$1}_#{$2.downcase}" })
end

def finished(session)
  status = CLIENT.session_status_poller.fetch_final_session_status(value(session, "sessionID"))
  system(ENV["BEFORE_CHECK"], out: File::NULL) if ENV.key?("BEFORE_CHECK")
  status.is_a?(Hash) ? SmartIdRuby::Models::SessionStatus.from_h(status) : status
end

def told(status)
  [status.result.document_number, status.cert.certificate_level, status.interaction_type_used, status.signature&.flow_type,
   status.device_ip_address].compact.join(" ")
end

def identified(person, status)
  CHAIN.validate(person.auth_certificate)
  "#{person.given_name} #{person.surname} #{person.identity_number} #{person.date_of_birth} #{told(status)}"
end

def signed(status)
  response = Check::SignatureResponseValidator.new(certificate_validator: CHAIN).validate(status, LEVEL)
  Check::SignatureValueValidator.new.validate(
    signature_value: status.signature.value, payload: DATA, certificate: response.certificate,
    signature_algorithm_parameters: status.signature.signature_algorithm_parameters
  )
  told(status)
end

def whom(builder, kind)
  case kind
  when :person then builder.with_semantics_identifier(SmartIdRuby::SemanticsIdentifier.new(PERSON))
  when :document then builder.with_document_number(DOCUMENT)
  else builder
  end
end

def to_sign(builder, hash, interaction)
  builder.with_nonce(SecureRandom.hex(8)).with_certificate_level(LEVEL)
         .with_signable_data({ data: DATA, hash_algorithm: hash }).with_interactions([interaction])
end

def notified_login(kind, interaction, hash, address: false)
  challenge = SmartIdRuby::RpChallengeGenerator.generate
  builder = whom(CLIENT.create_notification_authentication, kind)
            .with_certificate_level(LEVEL).with_rp_challenge(challenge.to_base64_encoded_value)
            .with_hash_algorithm(hash).with_interactions([interaction])
  builder.with_share_md_client_ip_address(true) if address
  session = builder.init_authentication_session
  answer(code: SmartIdRuby::VerificationCodeCalculator.calculate(challenge.value))
  status = finished(session)
  identified(Check::NotificationAuthenticationResponseValidator.new.validate(status, builder.authentication_session_request, SCHEME), status)
end

def notified_signature(kind, interaction, hash)
  session = to_sign(whom(CLIENT.create_notification_signature, kind), hash, interaction).init_signature_session
  answer(code: value(value(session, "vc"), "value"))
  signed(finished(session))
end

def notified_choice
  session = whom(CLIENT.create_notification_certificate_choice, :person).with_certificate_level(LEVEL).with_nonce(SecureRandom.hex(8)).init_certificate_choice
  answer
  status = finished(session)
  Check::CertificateChoiceResponseValidator.new(certificate_validator: CHAIN).validate(status, LEVEL)
  told(status)
end

def certificate_of_document
  found = CLIENT.create_certificate_by_document_number.with_document_number(DOCUMENT).with_certificate_level(LEVEL).get_certificate_by_document_number
  CHAIN.validate(found[:certificate])
  "#{found[:certificate_level]} #{found[:certificate].subject}"
end

# Shows the session's device link to the phone.
def show(link, session, flow, url)
  link.with_scheme_name(SCHEME).with_device_link_base(value(session, "deviceLinkBase")).with_device_link_type(flow)
      .with_session_token(value(session, "sessionToken"))
  flow == "QR" ? link.with_elapsed_seconds(0) : link.with_initial_callback_url(url.url)
  answer(link: link.build_device_link(value(session, "sessionSecret")).to_s, flow: flow, callback: flow == "QR" ? "" : url.url)
end

def linked_login(kind, flow)
  url = SmartIdRuby::CallbackUrlUtil.create_callback_url(CALLBACK_BASE)
  builder = whom(CLIENT.create_device_link_authentication, kind)
            .with_certificate_level(LEVEL).with_rp_challenge(SmartIdRuby::RpChallengeGenerator.generate.to_base64_encoded_value)
            .with_interactions([Show.confirmation_message("Log in €/?")])
  builder.with_initial_callback_url(url.url) unless flow == "QR"
  session = builder.init_authentication_session
  request = builder.authentication_session_request
  link = CLIENT.create_dynamic_content.with_session_type("auth").with_interactions(request[:interactions])
               .with_digest(request[:signatureProtocolParameters][:rpChallenge])
  phone = show(link, session, flow, url)
  status = finished(session)
  verifier = back(phone, url, value(session, "sessionSecret"))["userChallengeVerifier"] unless flow == "QR"
  identified(Check::DeviceLinkAuthenticationResponseValidator.new.validate(status, request, verifier, SCHEME), status)
end

def linked_signature(kind, flow)
  url = SmartIdRuby::CallbackUrlUtil.create_callback_url(CALLBACK_BASE)
  builder = to_sign(whom(CLIENT.create_device_link_signature, kind), "SHA-512", Show.display_text_and_pin("Sign?"))
  builder.with_initial_callback_url(url.url) unless flow == "QR"
  session = builder.init_signature_session
  request = builder.signature_session_request
  link = CLIENT.create_dynamic_content.with_session_type("sign").with_interactions(request[:interactions])
               .with_digest(request[:signatureProtocolParameters][:digest])
  phone = show(link, session, flow, url)
  told = signed(finished(session))
  back(phone, url, value(session, "sessionSecret")) unless flow == "QR"
  told
end

def choice_and_signature(flow)
  url = SmartIdRuby::CallbackUrlUtil.create_callback_url(CALLBACK_BASE)
  builder = CLIENT.create_device_link_certificate_request.with_certificate_level(LEVEL).with_nonce(SecureRandom.hex(8))
  builder.with_initial_callback_url(url.url) unless flow == "QR"
  session = builder.init_certificate_choice
  show(CLIENT.create_dynamic_content.with_session_type("cert"), session, flow, url).join
  chosen = Check::CertificateChoiceResponseValidator.new(certificate_validator: CHAIN).validate(finished(session), LEVEL)
  sign = to_sign(CLIENT.create_linked_notification_signature, "SHA-256", Show.display_text_and_pin("Sign?"))
         .with_document_number(chosen.document_number).with_linked_session_id(value(session, "sessionID")).init_signature_session
  phone = answer(callback: flow == "QR" ? "" : url.url)
  told = signed(finished(sign))
  back(phone, url, value(session, "sessionSecret")) unless flow == "QR"
  "chose #{chosen.document_number}, then #{told}"
end

FLOWS = {
  "notified login, person" => -> { notified_login(:person, Show.confirmation_message("Log in?"), "SHA3-512") },
  "notified login, document" => -> { notified_login(:document, Show.display_text_and_pin("Log in €/?"), "SHA-256") },
  "notified login, code choice" => -> { notified_login(:person, Show.confirmation_message_and_verification_code_choice("Log in?"), "SHA-512") },
  "notified login, address" => -> { notified_login(:person, Show.confirmation_message("Log in?"), "SHA-384", address: true) },
  "notified signature, person" => -> { notified_signature(:person, Show.confirmation_message("Sign?"), "SHA-512") },
  "notified signature, document" => -> { notified_signature(:document, Show.display_text_and_pin("Sign?"), "SHA-256") },
  "notified signature, code choice" => -> { notified_signature(:person, Show.confirmation_message_and_verification_code_choice("Sign?"), "SHA-384") },
  "notified certificate choice" => -> { notified_choice },
  "certificate of a document" => -> { certificate_of_document },
  "linked login, anonymous, QR" => -> { linked_login(:anybody, "QR") },
  "linked login, person, QR" => -> { linked_login(:person, "QR") },
  "linked login, anonymous, Web2App" => -> { linked_login(:anybody, "Web2App") },
  "linked login, document, App2App" => -> { linked_login(:document, "App2App") },
  "linked signature, person, QR" => -> { linked_signature(:person, "QR") },
  "linked signature, document, Web2App" => -> { linked_signature(:document, "Web2App") },
  "choice and signature, QR" => -> { choice_and_signature("QR") },
  "choice and signature, App2App" => -> { choice_and_signature("App2App") }
}.freeze

chosen = FLOWS.select { |name, _| ARGV.empty? || ARGV.any? { |part| name.include?(part) } }
results = chosen.map do |name, flow|
  said = flow.call
  puts "ok    #{name}: #{said}"
  true
rescue StandardError => e
  puts "FAIL  #{name}: #{e.class}: #{e.message}"
  puts e.backtrace.first(5) if ENV["TRACE"]
  false
end
puts "#{results.count(true)} passed, #{results.count(false)} failed"
exit results.all?
