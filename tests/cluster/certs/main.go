// Certs makes the keys and certificates of a throw-away cluster, so that nobody needs openssl.
//
//	certs ca      DIR NAME                      a certificate authority
//	certs serving DIR CA NAME HOST[,HOST]       a server's certificate for these names or addresses
//	certs client  DIR CA NAME USER [GROUP,...]  a client's: Kubernetes reads the user and groups from CN and O
//	certs key     DIR NAME                      a bare key pair, for signing tokens
//
// Each writes DIR/NAME.key and DIR/NAME.crt (for `key`: DIR/NAME.pub), and signs with DIR/CA.key.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "certs:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	// The last of these, which only `client` has, may be left out.
	needs := map[string]int{"ca": 3, "serving": 5, "client": 5, "key": 3}
	if len(args) == 0 || needs[args[0]] == 0 || len(args) < needs[args[0]] {
		return errors.New("see the head of tests/cluster/certs/main.go for its arguments")
	}
	kind, dir := args[0], args[1]
	switch kind {
	case "ca":
		return issue(dir, "", args[2], &x509.Certificate{
			Subject:               pkix.Name{CommonName: args[2]},
			IsCA:                  true,
			BasicConstraintsValid: true,
			KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		})
	case "serving":
		template := &x509.Certificate{
			Subject:     pkix.Name{CommonName: args[3]},
			KeyUsage:    x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		for _, host := range strings.Split(args[4], ",") {
			if ip := net.ParseIP(host); ip != nil {
				template.IPAddresses = append(template.IPAddresses, ip)
			} else {
				template.DNSNames = append(template.DNSNames, host)
			}
		}
		return issue(dir, args[2], args[3], template)
	case "client":
		subject := pkix.Name{CommonName: args[4]}
		if len(args) > 5 && args[5] != "" {
			subject.Organization = strings.Split(args[5], ",")
		}
		return issue(dir, args[2], args[3], &x509.Certificate{
			Subject:     subject,
			KeyUsage:    x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
	default:
		key, err := newKey(dir, args[2])
		if err != nil {
			return err
		}
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return err
		}
		return write(dir, args[2]+".pub", "PUBLIC KEY", der)
	}
}

// issue writes a key and the certificate that `template` asks for, signed by `ca`, or by itself if `ca` is empty.
func issue(dir, ca, name string, template *x509.Certificate) error {
	key, err := newKey(dir, name)
	if err != nil {
		return err
	}
	// A week covers any run; the hour before is for clocks that are set back while it runs.
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(7 * 24 * time.Hour)

	parent, signer := template, crypto.Signer(key)
	if ca != "" {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, ca+".crt"), filepath.Join(dir, ca+".key"))
		if err != nil {
			return err
		}
		parent, signer = pair.Leaf, pair.PrivateKey.(crypto.Signer)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return err
	}
	return write(dir, name+".crt", "CERTIFICATE", der)
}

func newKey(dir, name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, write(dir, name+".key", "PRIVATE KEY", der)
}

func write(dir, file, kind string, der []byte) error {
	return os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
