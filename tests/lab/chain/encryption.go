package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"cosmossdk.io/errors"
	storetypes "cosmossdk.io/store/types"
	"github.com/cosmos/gogoproto/proto"
	gateway "github.com/grpc-ecosystem/grpc-gateway/runtime"
	"google.golang.org/grpc"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	"github.com/cosmos/cosmos-sdk/types/module"
	"github.com/cosmos/cosmos-sdk/types/tx"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
)

const (
	encryptionName = "encryption"
	algorithm      = "X25519-XSALSA20-POLY1305"
	graceSeconds   = 7 * 24 * 3600
	keyBytes       = 32
)

// The codes of the real module.
var (
	errKeyNotFound = errors.Register(encryptionName, 1302, "recipient key not found")
	errKeyExists   = errors.Register(encryptionName, 1303, "key already exists")
	errKeyRevoked  = errors.Register(encryptionName, 1304, "key has been revoked")
	errNotOwner    = errors.Register(encryptionName, 1312, "unauthorized")
)

// encryptionModule keeps recipient keys as the real one does, with what was found odd there: anybody
// may rotate anybody's key, a revoked key cannot be rotated, and governance may revoke any.
// What it leaves out: labels that change, expiry, purging, limits, envelopes, genesis.
type encryptionModule struct{ store *storetypes.KVStoreKey }

func newEncryption() encryptionModule {
	return encryptionModule{storetypes.NewKVStoreKey(encryptionName)}
}

func fingerprintOf(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:20])
}

// The records lie below one prefix, by fingerprint.
var recordsPrefix = []byte{0x01}

func recordKey(fingerprint string) []byte { return append(recordsPrefix, fingerprint...) }

func (e encryptionModule) record(ctx sdk.Context, fingerprint string) (*RecipientKeyRecord, bool) {
	raw := ctx.KVStore(e.store).Get(recordKey(fingerprint))
	found := &RecipientKeyRecord{}
	if raw == nil || proto.Unmarshal(raw, found) != nil {
		return nil, false
	}
	return found, true
}

func (e encryptionModule) keep(ctx sdk.Context, record *RecipientKeyRecord) error {
	raw, err := proto.Marshal(record)
	if err == nil {
		ctx.KVStore(e.store).Set(recordKey(record.KeyFingerprint), raw)
	}
	return err
}

func (e encryptionModule) add(ctx sdk.Context, owner string, key []byte, named, label string) (string, error) {
	if len(key) != keyBytes || named != algorithm {
		return "", sdkerrors.ErrInvalidRequest.Wrapf("%d bytes of %q, expected %d of %s", len(key), named, keyBytes, algorithm)
	}
	fingerprint := fingerprintOf(key)
	if _, exists := e.record(ctx, fingerprint); exists {
		return "", errKeyExists.Wrapf("key with fingerprint %s already registered", fingerprint)
	}
	return fingerprint, e.keep(ctx, &RecipientKeyRecord{
		Address: owner, PublicKey: key, KeyFingerprint: fingerprint, KeyVersion: 1, AlgorithmId: named,
		RegisteredAt: ctx.BlockTime().Unix(), Label: label,
	})
}

func (e encryptionModule) register(goCtx context.Context, msg *MsgRegisterRecipientKey) (*MsgRegisterRecipientKeyResponse, error) {
	ctx := sdk.UnwrapSDKContext(goCtx)
	fingerprint, err := e.add(ctx, msg.Sender, msg.PublicKey, msg.AlgorithmId, msg.Label)
	if err != nil {
		return nil, err
	}
	return &MsgRegisterRecipientKeyResponse{fingerprint}, ctx.EventManager().EmitTypedEvent(&EventKeyRegistered{
		msg.Sender, fingerprint, msg.AlgorithmId, msg.Label, ctx.BlockTime().Unix(),
	})
}

func (e encryptionModule) revoke(goCtx context.Context, msg *MsgRevokeRecipientKey) (*MsgRevokeRecipientKeyResponse, error) {
	ctx := sdk.UnwrapSDKContext(goCtx)
	record, found := e.record(ctx, msg.KeyFingerprint)
	if !found {
		return nil, errKeyNotFound.Wrapf("key fingerprint %s not found for address %s", msg.KeyFingerprint, msg.Sender)
	}
	if msg.Sender != record.Address && msg.Sender != authtypes.NewModuleAddress(govtypes.ModuleName).String() {
		return nil, errNotOwner.Wrapf("key %s is not of %s", msg.KeyFingerprint, msg.Sender)
	}
	if record.RevokedAt != 0 {
		return nil, errKeyRevoked.Wrapf("key %s is already revoked", msg.KeyFingerprint)
	}
	record.RevokedAt = ctx.BlockTime().Unix()
	record.PurgeAt = record.RevokedAt + graceSeconds
	if err := e.keep(ctx, record); err != nil {
		return nil, err
	}
	return &MsgRevokeRecipientKeyResponse{}, ctx.EventManager().EmitTypedEvent(&EventKeyRevoked{
		record.Address, msg.KeyFingerprint, msg.Sender, record.RevokedAt,
	})
}

// rotate does not ask whose key it is, as the real one does not.
func (e encryptionModule) rotate(goCtx context.Context, msg *MsgRotateKey) (*MsgRotateKeyResponse, error) {
	ctx := sdk.UnwrapSDKContext(goCtx)
	old, found := e.record(ctx, msg.OldKeyFingerprint)
	if !found {
		return nil, errKeyNotFound.Wrapf("key fingerprint %s not found", msg.OldKeyFingerprint)
	}
	if old.RevokedAt != 0 {
		return nil, errKeyRevoked.Wrapf("key %s is already revoked", msg.OldKeyFingerprint)
	}
	named := msg.NewAlgorithmId
	if named == "" {
		named = old.AlgorithmId
	}
	fingerprint, err := e.add(ctx, msg.Sender, msg.NewPublicKey, named, msg.NewLabel)
	if err != nil {
		return nil, err
	}
	old.DeprecatedAt = ctx.BlockTime().Unix()
	if err := e.keep(ctx, old); err != nil {
		return nil, err
	}
	return &MsgRotateKeyResponse{fingerprint}, ctx.EventManager().EmitTypedEvent(&EventKeyRotated{
		msg.Sender, msg.OldKeyFingerprint, fingerprint, old.DeprecatedAt,
	})
}

func (e encryptionModule) byAddress(goCtx context.Context, asked *QueryRecipientKeyRequest) (*QueryRecipientKeyResponse, error) {
	found := &QueryRecipientKeyResponse{}
	all := storetypes.KVStorePrefixIterator(sdk.UnwrapSDKContext(goCtx).KVStore(e.store), recordsPrefix)
	defer all.Close()
	for ; all.Valid(); all.Next() {
		record := &RecipientKeyRecord{}
		if err := proto.Unmarshal(all.Value(), record); err != nil {
			return nil, err
		}
		if record.Address == asked.Address {
			found.Keys = append(found.Keys, record)
		}
	}
	return found, nil
}

func (e encryptionModule) byFingerprint(goCtx context.Context, asked *QueryKeyByFingerprintRequest) (*QueryKeyByFingerprintResponse, error) {
	record, found := e.record(sdk.UnwrapSDKContext(goCtx), asked.Fingerprint)
	if !found {
		return nil, errKeyNotFound.Wrap(asked.Fingerprint)
	}
	return &QueryKeyByFingerprintResponse{record}, nil
}

// method is one of a service, of which the router only needs the request's type.
func method[Q, R any](name string, call func(encryptionModule, context.Context, *Q) (*R, error)) grpc.MethodDesc {
	handle := func(server any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		asked := new(Q)
		if err := decode(asked); err != nil {
			return nil, err
		}
		answer := func(ctx context.Context, asked any) (any, error) {
			return call(server.(encryptionModule), ctx, asked.(*Q))
		}
		if intercept == nil {
			return answer(ctx, asked)
		}
		return intercept(ctx, asked, &grpc.UnaryServerInfo{Server: server, FullMethod: name}, answer)
	}
	return grpc.MethodDesc{MethodName: name, Handler: handle}
}

var (
	encryptionMsg = grpc.ServiceDesc{
		ServiceName: encryptionPackage + ".Msg", HandlerType: (*any)(nil), Metadata: encryptionFile,
		Methods: []grpc.MethodDesc{
			method("RegisterRecipientKey", encryptionModule.register),
			method("RevokeRecipientKey", encryptionModule.revoke),
			method("RotateKey", encryptionModule.rotate),
		},
	}
	encryptionQuery = grpc.ServiceDesc{
		ServiceName: encryptionPackage + ".Query", HandlerType: (*any)(nil), Metadata: encryptionFile,
		Methods: []grpc.MethodDesc{
			method("RecipientKey", encryptionModule.byAddress),
			method("KeyByFingerprint", encryptionModule.byFingerprint),
		},
	}
)

func (e encryptionModule) RegisterServices(services module.Configurator) {
	services.MsgServer().RegisterService(&encryptionMsg, e)
	services.QueryServer().RegisterService(&encryptionQuery, e)
}

func (encryptionModule) RegisterInterfaces(registry codectypes.InterfaceRegistry) {
	registry.RegisterImplementations((*sdk.Msg)(nil),
		&MsgRegisterRecipientKey{}, &MsgRevokeRecipientKey{}, &MsgRotateKey{})
	registry.RegisterImplementations((*tx.MsgResponse)(nil),
		&MsgRegisterRecipientKeyResponse{}, &MsgRevokeRecipientKeyResponse{}, &MsgRotateKeyResponse{})
}

// The rest is what the SDK wants of any module.

func (encryptionModule) Name() string                                                { return encryptionName }
func (encryptionModule) IsAppModule()                                                {}
func (encryptionModule) IsOnePerModuleType()                                         {}
func (encryptionModule) RegisterLegacyAminoCodec(*codec.LegacyAmino)                 {}
func (encryptionModule) RegisterGRPCGatewayRoutes(client.Context, *gateway.ServeMux) {}
