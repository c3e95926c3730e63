package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cosmossdk.io/log"
	storetypes "cosmossdk.io/store/types"
	gateway "github.com/grpc-ecosystem/grpc-gateway/runtime"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

const faultsName = "faults"

// faultsModule misbehaves at the end of a block as the files in its directory say. They are read at
// every block, so a fault comes and goes without a restart:
//
//	apphash-at N           at height N, write a value that differs from host to host (release 1 only)
//	nondeterministic-at N  at height N, write a value that differs from execution to execution
//	panic-at N             from height N on, panic (release 1 only)
//	slow-ms N              at every block, sleep N milliseconds
//
// Without them its store stays empty, and its part of the app hash constant.
type faultsModule struct {
	dir    string
	store  *storetypes.KVStoreKey
	logger log.Logger
}

func newFaults(dir string, logger log.Logger) faultsModule {
	return faultsModule{dir, storetypes.NewKVStoreKey(faultsName), logger.With(log.ModuleKey, faultsName)}
}

// EndBlock is called once per execution of a block: again when the block is replayed.
func (f faultsModule) EndBlock(goCtx context.Context) error {
	ctx := sdk.UnwrapSDKContext(goCtx)
	height := ctx.BlockHeight()
	if milliseconds, ok := f.read("slow-ms"); ok {
		time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	}
	if at, ok := f.read("panic-at"); ok && height >= at && release == "1" {
		panic(fmt.Sprintf("release 1 cannot execute height %d (fault panic-at %d)", height, at))
	}
	if at, ok := f.read("apphash-at"); ok && height == at && release == "1" {
		ctx.KVStore(f.store).Set([]byte("apphash"), hostValue(f.dir))
	}
	if at, ok := f.read("nondeterministic-at"); ok && height == at {
		ctx.KVStore(f.store).Set([]byte("nondeterministic"), []byte(rand.Text()))
	}
	return nil
}

// read gives the number in a fault's file. A file that is absent, or empty because it is being
// written, is no fault; one with anything else than a number is reported and is no fault either.
func (f faultsModule) read(fault string) (int64, bool) {
	content, err := os.ReadFile(filepath.Join(f.dir, fault))
	text := strings.TrimSpace(string(content))
	if os.IsNotExist(err) || (err == nil && text == "") {
		return 0, false
	}
	if err == nil {
		var number int64
		if number, err = strconv.ParseInt(text, 10, 64); err == nil {
			return number, true
		}
	}
	f.logger.Error("fault ignored: not readable as a number", "fault", fault, "err", err)
	return 0, false
}

// hostValue is the same at every execution on one host, and differs between hosts, also when two of
// them are homes on one machine.
func hostValue(dir string) []byte {
	host, err := os.Hostname()
	if err != nil {
		panic(err)
	}
	return []byte(host + " " + dir)
}

// The rest is what the SDK wants of any module; this one has no messages, queries or genesis.

func (faultsModule) Name() string                                                { return faultsName }
func (faultsModule) IsAppModule()                                                {}
func (faultsModule) IsOnePerModuleType()                                         {}
func (faultsModule) RegisterLegacyAminoCodec(*codec.LegacyAmino)                 {}
func (faultsModule) RegisterInterfaces(codectypes.InterfaceRegistry)             {}
func (faultsModule) RegisterGRPCGatewayRoutes(client.Context, *gateway.ServeMux) {}
