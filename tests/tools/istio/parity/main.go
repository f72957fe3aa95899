// What Istio makes of AuthorizationPolicies: the RBAC filters that istiod gives the HTTP connection manager of a gateway.
//
//	parity CASES OUT
//
// Both files are JSON. Each case has an id, the mesh's trust domain with its aliases, and policies; for each case the
// answer has Envoy's HTTP filters in their order, or why Istio refuses one of the policies. A rule that Istio cannot
// translate is dropped from the filters with no more than a line in its log, as in istiod.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	security "istio.io/api/security/v1beta1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/security/authz/builder"
	"istio.io/istio/pilot/pkg/security/trustdomain"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/validation"
	"istio.io/istio/pkg/util/protomarshal"
)

type policy struct {
	Name      string          `json:"name"`
	Namespace string          `json:"namespace"`
	Spec      json.RawMessage `json:"spec"`
}

type testCase struct {
	ID          string   `json:"id"`
	TrustDomain string   `json:"trustDomain"`
	Aliases     []string `json:"aliases"`
	Policies    []policy `json:"policies"`
}

type answer struct {
	ID string `json:"id"`
	// Why the admission webhook would refuse a policy; there are no filters then.
	Refused string            `json:"refused,omitempty"`
	Filters []json.RawMessage `json:"filters,omitempty"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: parity CASES OUT")
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(in, out string) error {
	text, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	var cases []testCase
	if err := json.Unmarshal(text, &cases); err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	answers := make([]answer, 0, len(cases))
	for _, one := range cases {
		made, err := translate(one)
		if err != nil {
			return fmt.Errorf("case %s: %w", one.ID, err)
		}
		answers = append(answers, made)
	}
	text, err = json.Marshal(answers)
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

// translate does what istiod's authz plugin does for a gateway: no CUSTOM policies, and callers are known by their
// certificates, not by filter state as at a waypoint.
func translate(one testCase) (answer, error) {
	var policies model.AuthorizationPoliciesResult
	for _, source := range one.Policies {
		spec := &security.AuthorizationPolicy{}
		if err := protomarshal.Unmarshal(source.Spec, spec); err != nil {
			return answer{}, fmt.Errorf("policy %s: %w", source.Name, err)
		}
		meta := config.Meta{Name: source.Name, Namespace: source.Namespace}
		if _, err := validation.ValidateAuthorizationPolicy(config.Config{Meta: meta, Spec: spec}); err != nil {
			return answer{ID: one.ID, Refused: err.Error()}, nil
		}
		made := model.AuthorizationPolicy{Name: source.Name, Namespace: source.Namespace, Spec: spec}
		switch spec.GetAction() {
		case security.AuthorizationPolicy_ALLOW:
			policies.Allow = append(policies.Allow, made)
		case security.AuthorizationPolicy_DENY:
			policies.Deny = append(policies.Deny, made)
		default:
			return answer{}, fmt.Errorf("policy %s: the action %s does not decide", source.Name, spec.GetAction())
		}
	}
	bundle := trustdomain.NewBundle(one.TrustDomain, one.Aliases)
	made := answer{ID: one.ID}
	translator := builder.New(bundle, nil, policies, builder.Option{})
	if translator == nil {
		return made, nil
	}
	for _, filter := range translator.BuildHTTP() {
		text, err := protomarshal.Marshal(filter)
		if err != nil {
			return answer{}, err
		}
		made.Filters = append(made.Filters, text)
	}
	return made, nil
}
