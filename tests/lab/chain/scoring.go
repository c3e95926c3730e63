package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"strings"
	"time"

	storetypes "cosmossdk.io/store/types"
	gateway "github.com/grpc-ecosystem/grpc-gateway/runtime"
	"scorer/model"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

const (
	scoringName = "veid"
	// scoreMemo in front of a subject, in the memo of any transaction, asks for its score.
	scoreMemo = "veid-score "
	// scopeMemo in front of an envelope, as JSON, keeps it as the real module keeps what people upload.
	scopeMemo    = "veid-scope "
	scoringLimit = 3 * time.Second
)

// What stands in front of the four bytes of a score. All answers have one length, so that a transaction
// takes the same gas everywhere.
const (
	answered   = 's'
	unanswered = 'f'
)

const scopePrefix = 0x02

// scoringModule writes the answer of this host's scorer into the state: hosts whose scorers differ
// have different states from that block on. Without such a transaction its store stays empty.
type scoringModule struct {
	store  *storetypes.KVStoreKey
	scorer scorer
}

// scorer gives the score of a subject, or false where it has none.
type scorer interface {
	score(subject string) (float32, bool)
}

func newScoring() scoringModule {
	return scoringModule{storetypes.NewKVStoreKey(scoringName), chosenScorer(os.Getenv)}
}

// afterTransaction is the post handler. It scores where a block is executed, and nowhere else.
func (s scoringModule) afterTransaction(ctx sdk.Context, tx sdk.Tx, _, success bool) (sdk.Context, error) {
	noted, ok := tx.(sdk.TxWithMemo)
	if !ok || !success || ctx.ExecMode() != sdk.ExecModeFinalize {
		return ctx, nil
	}
	if upload, asked := strings.CutPrefix(noted.GetMemo(), scopeMemo); asked {
		s.keep(ctx, upload)
	}
	subject, asked := strings.CutPrefix(noted.GetMemo(), scoreMemo)
	if !asked || subject == "" {
		return ctx, nil
	}
	score, got := s.scorer.score(subject)
	answer := []byte{unanswered}
	if got {
		answer[0] = answered
	}
	answer = binary.BigEndian.AppendUint32(answer, math.Float32bits(score))
	ctx.KVStore(s.store).Set([]byte(subject), answer)
	return ctx, nil
}

// keep writes what somebody uploaded, an identifier and an envelope, below the prefix of scopes.
func (s scoringModule) keep(ctx sdk.Context, upload string) {
	id, envelope, _ := strings.Cut(upload, " ")
	record, err := json.Marshal(struct {
		ID      string          `json:"scope_id"`
		Status  string          `json:"status"`
		Payload json.RawMessage `json:"encrypted_payload"`
	}{id, "pending", json.RawMessage(envelope)})
	if err == nil {
		ctx.KVStore(s.store).Set(append([]byte{scopePrefix}, id...), record)
	}
}

// chosenScorer reads the environment as the real program does, where any failure to set up the sidecar
// ends with the stub, and no line of the log says so.
func chosenScorer(environment func(string) string) scorer {
	enabled := environment("VEID_USE_TENSORFLOW") == "true" || environment("VEID_INFERENCE_ENABLED") == "true"
	if !enabled || environment("VEID_DISABLE_TENSORFLOW") == "true" || environment("VEID_INFERENCE_USE_SIDECAR") != "true" {
		return stub{}
	}
	path, pinned := environment("VEID_INFERENCE_MODEL_PATH"), environment("VEID_INFERENCE_MODEL_HASH")
	if path == "" || model.CheckPath(path) != nil {
		return stub{}
	}
	if found, err := model.Hash(path); err != nil || found != pinned {
		return stub{}
	}
	address := environment("VEID_INFERENCE_SIDECAR_ADDR")
	if address == "" {
		address = "localhost:8501"
	}
	return sidecar{address}
}

// stub knows no model. It answers at once, the same for everybody.
type stub struct{}

func (stub) score(string) (float32, bool) { return 50, true }

// sidecar asks the scorer of this host.
type sidecar struct{ address string }

func (s sidecar) score(subject string) (float32, bool) {
	body, err := json.Marshal(map[string][][]float32{"instances": {model.Features(subject)}})
	if err != nil {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), scoringLimit)
	defer cancel()
	url := fmt.Sprintf("http://%s/v1/models/trust_score:predict", s.address)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, false
	}
	defer response.Body.Close()
	var said struct {
		Predictions []float32 `json:"predictions"`
	}
	err = json.NewDecoder(response.Body).Decode(&said)
	if err != nil || response.StatusCode != http.StatusOK || len(said.Predictions) != 1 {
		return 0, false
	}
	return said.Predictions[0], true
}

// The rest is what the SDK wants of any module.

func (scoringModule) Name() string                                                { return scoringName }
func (scoringModule) IsAppModule()                                                {}
func (scoringModule) IsOnePerModuleType()                                         {}
func (scoringModule) RegisterLegacyAminoCodec(*codec.LegacyAmino)                 {}
func (scoringModule) RegisterInterfaces(codectypes.InterfaceRegistry)             {}
func (scoringModule) RegisterGRPCGatewayRoutes(client.Context, *gateway.ServeMux) {}
