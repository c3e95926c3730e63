package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"cosmossdk.io/log"
	upgradetypes "cosmossdk.io/x/upgrade/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	dbm "github.com/cosmos/cosmos-db"

	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	"github.com/cosmos/cosmos-sdk/x/staking"
)

// newApp serves start, rollback, module-hash-by-height and the snapshot commands.
func newApp(logger log.Logger, db dbm.DB, trace io.Writer, options servertypes.AppOptions) servertypes.Application {
	noise(logger)
	opened, err := openApp(logger, db, trace, true, options)
	if err != nil {
		panic(err)
	}
	return opened
}

// exportApp serves export, at the height asked for, or at the latest if that is -1.
func exportApp(
	logger log.Logger, db dbm.DB, trace io.Writer, height int64, forZeroHeight bool, _ []string,
	options servertypes.AppOptions, modules []string,
) (servertypes.ExportedApp, error) {
	var none servertypes.ExportedApp
	if forZeroHeight {
		return none, errors.New("--for-zero-height is not supported by the lab's chain")
	}
	noise(logger)
	opened, err := openApp(logger, db, trace, height == -1, options)
	if err != nil {
		return none, err
	}
	if height != -1 {
		if err := opened.LoadHeight(height); err != nil {
			return none, err
		}
	}
	ctx := opened.NewContextLegacy(true, cmtproto.Header{Height: opened.LastBlockHeight()})
	genesis, err := opened.ModuleManager.ExportGenesisForModules(ctx, opened.encoding, modules)
	if err != nil {
		return none, err
	}
	state, err := json.MarshalIndent(genesis, "", "  ")
	if err != nil {
		return none, err
	}
	validators, err := staking.WriteValidators(ctx, opened.staking)
	return servertypes.ExportedApp{
		AppState:        state,
		Validators:      validators,
		Height:          opened.LastBlockHeight() + 1,
		ConsensusParams: opened.GetConsensusParams(ctx),
	}, err
}

// keepEverything is the upgrade v2: a new program over the same state.
func keepEverything(_ context.Context, _ upgradetypes.Plan, versions module.VersionMap) (module.VersionMap, error) {
	return versions, nil
}

// noise writes to standard output what the real program writes there while it builds its
// application: a warning by the server's logger, and the lines of a library that compiles
// zero-knowledge circuits and colours them whatever --log_no_color says.
func noise(logger log.Logger) {
	logger.Warn("verification keys are generated at start, not loaded from a ceremony")
	for range 3 {
		fmt.Printf("\x1b[90m%s\x1b[0m \x1b[32mINF\x1b[0m compiling circuit\n", time.Now().Format("15:04:05"))
	}
}
