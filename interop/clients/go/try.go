// dknight/go-smartid (RP API v2) against `smart-id demo`: its own checks, of which none is of revocation. See ../README.md.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	smartid "github.com/dknight/go-smartid"
)

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// The demo's test phones answer; a phone of your own has to be told beside it.
func ask(hash string, sign bool) (string, error) {
	client := smartid.NewClient(setting("ORIGIN", "http://127.0.0.1:8080")+"/smart-id-rp/v2/", 10000)
	country, code, _ := strings.Cut(strings.TrimPrefix(setting("PERSON", "PNOEE-40504040001"), "PNO"), "-")
	level := setting("LEVEL", "QUALIFIED")
	request := smartid.AuthRequest{
		RelyingPartyUUID: setting("RP_UUID", "00000000-0000-4000-8000-000000000000"), RelyingPartyName: setting("RP_NAME", "DEMO"),
		Hash: smartid.GenerateAuthHash(hash), HashType: hash, CertificateLevel: level, AuthType: smartid.AuthTypeEtsi,
		Identifier: smartid.NewSemanticIdentifier(smartid.IdentifierTypePNO, country, code),
		AllowedInteractionsOrder: []smartid.AllowedInteractionsOrder{
			{Type: smartid.InteractionDisplayTextAndPIN, DisplayText60: "Go on?"},
		},
	}
	start := client.AuthenticateSync
	if sign {
		start = client.SignSync
	}
	response, err := start(context.Background(), &request)
	if err != nil {
		return "", err
	}
	if _, err := response.Validate(); err != nil {
		return "", err
	}
	issuer := map[string]string{"QUALIFIED": "eid-q", "ADVANCED": "eid-nq"}[level]
	if _, err := response.Cert.Verify([]string{setting("CERTS", "certs") + "/" + issuer + ".pem"}); err != nil {
		return "", err
	}
	if !response.Cert.IsSameLevel(level) {
		return "", fmt.Errorf("level %s", response.Cert.CertificateLevel)
	}
	person := response.GetIdentity()
	return fmt.Sprint(person.CommonName, " ", person.SerialNumber, " ", person.Country, " ", response.Cert.CertificateLevel), nil
}

func main() {
	flows := []struct {
		name, hash string
		sign       bool
	}{
		{"notified login, person", smartid.SHA512, false},
		{"notified signature, person", smartid.SHA512, true},
	}
	passed, failed := 0, 0
	for _, flow := range flows {
		wanted := len(os.Args) == 1
		for _, part := range os.Args[1:] {
			wanted = wanted || strings.Contains(flow.name, part)
		}
		if !wanted {
			continue
		}
		if told, err := ask(flow.hash, flow.sign); err != nil {
			fmt.Printf("FAIL  %s: %v\n", flow.name, err)
			failed++
		} else {
			fmt.Printf("ok    %s: %s\n", flow.name, told)
			passed++
		}
	}
	fmt.Println(passed, "passed,", failed, "failed")
	if failed > 0 {
		os.Exit(1)
	}
}
