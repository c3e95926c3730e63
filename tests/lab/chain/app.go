// Package main is virtengined, the lab's chain: a small Cosmos SDK application with the consensus,
// staking, slashing, governance and grants of a real one, a module that asks for scores, one that keeps
// the keys of recipients, and one that misbehaves on demand.
package main

import (
	"context"
	"io"
	"path/filepath"

	runtimev1 "cosmossdk.io/api/cosmos/app/runtime/v1alpha1"
	appv1 "cosmossdk.io/api/cosmos/app/v1alpha1"
	authv1 "cosmossdk.io/api/cosmos/auth/module/v1"
	authzv1 "cosmossdk.io/api/cosmos/authz/module/v1"
	bankv1 "cosmossdk.io/api/cosmos/bank/module/v1"
	consensusv1 "cosmossdk.io/api/cosmos/consensus/module/v1"
	evidencev1 "cosmossdk.io/api/cosmos/evidence/module/v1"
	genutilv1 "cosmossdk.io/api/cosmos/genutil/module/v1"
	govv1 "cosmossdk.io/api/cosmos/gov/module/v1"
	slashingv1 "cosmossdk.io/api/cosmos/slashing/module/v1"
	stakingv1 "cosmossdk.io/api/cosmos/staking/module/v1"
	txconfigv1 "cosmossdk.io/api/cosmos/tx/config/v1"
	upgradev1 "cosmossdk.io/api/cosmos/upgrade/module/v1"
	"cosmossdk.io/depinject"
	"cosmossdk.io/depinject/appconfig"
	"cosmossdk.io/log"
	_ "cosmossdk.io/x/evidence"
	evidencetypes "cosmossdk.io/x/evidence/types"
	_ "cosmossdk.io/x/upgrade"
	upgradekeeper "cosmossdk.io/x/upgrade/keeper"
	upgradetypes "cosmossdk.io/x/upgrade/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/gogoproto/proto"

	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/runtime"
	"github.com/cosmos/cosmos-sdk/server"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	_ "github.com/cosmos/cosmos-sdk/x/auth"
	_ "github.com/cosmos/cosmos-sdk/x/auth/tx/config"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/authz"
	_ "github.com/cosmos/cosmos-sdk/x/authz/module"
	_ "github.com/cosmos/cosmos-sdk/x/bank"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	_ "github.com/cosmos/cosmos-sdk/x/consensus"
	consensustypes "github.com/cosmos/cosmos-sdk/x/consensus/types"
	_ "github.com/cosmos/cosmos-sdk/x/genutil"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"
	_ "github.com/cosmos/cosmos-sdk/x/gov"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	_ "github.com/cosmos/cosmos-sdk/x/slashing"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"
	_ "github.com/cosmos/cosmos-sdk/x/staking"
	stakingkeeper "github.com/cosmos/cosmos-sdk/x/staking/keeper"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
)

const (
	bech32Prefix = "ve"
	denomination = "uve"

	// upgradeAuthority may schedule upgrades by a plain MsgSoftwareUpgrade, which governance would take
	// too long for. It is the first account of the public BIP-39 test mnemonic
	// "abandon abandon … abandon about" (path m/44'/118'/0'/0/0): worth nothing, known to all.
	upgradeAuthority = "ve19rl4cm2hmr8afy4kldpxz3fka4jguq0aqakfsa"
)

// release is "1" or "2", set at link time. Release 2 has no bug at the heights in the files panic-at
// and apphash-at, and knows the upgrade v2.
var release = "1"

func appConfig() depinject.Config {
	return depinject.Configs(appconfig.Compose(&appv1.Config{Modules: []*appv1.ModuleConfig{
		moduleConfig("runtime", &runtimev1.Module{
			AppName:       "virtengined",
			PreBlockers:   []string{upgradetypes.ModuleName, authtypes.ModuleName},
			BeginBlockers: []string{slashingtypes.ModuleName, evidencetypes.ModuleName, stakingtypes.ModuleName, authz.ModuleName},
			EndBlockers:   []string{govtypes.ModuleName, stakingtypes.ModuleName, faultsName},
			InitGenesis: []string{
				authtypes.ModuleName, banktypes.ModuleName, stakingtypes.ModuleName, slashingtypes.ModuleName,
				genutiltypes.ModuleName, evidencetypes.ModuleName, upgradetypes.ModuleName, consensustypes.ModuleName,
				govtypes.ModuleName, authz.ModuleName,
			},
			OverrideStoreKeys: []*runtimev1.StoreKeyConfig{{ModuleName: authtypes.ModuleName, KvStoreKey: "acc"}},
		}),
		moduleConfig(authtypes.ModuleName, &authv1.Module{
			Bech32Prefix: bech32Prefix,
			ModuleAccountPermissions: []*authv1.ModuleAccountPermission{
				{Account: authtypes.FeeCollectorName},
				{Account: stakingtypes.BondedPoolName, Permissions: []string{authtypes.Burner, stakingtypes.ModuleName}},
				{Account: stakingtypes.NotBondedPoolName, Permissions: []string{authtypes.Burner, stakingtypes.ModuleName}},
				{Account: govtypes.ModuleName, Permissions: []string{authtypes.Burner}},
			},
		}),
		moduleConfig(banktypes.ModuleName, &bankv1.Module{}),
		moduleConfig(stakingtypes.ModuleName, &stakingv1.Module{}),
		moduleConfig(slashingtypes.ModuleName, &slashingv1.Module{}),
		moduleConfig(evidencetypes.ModuleName, &evidencev1.Module{}),
		moduleConfig(upgradetypes.ModuleName, &upgradev1.Module{Authority: upgradeAuthority}),
		moduleConfig(consensustypes.ModuleName, &consensusv1.Module{}),
		moduleConfig(genutiltypes.ModuleName, &genutilv1.Module{}),
		moduleConfig(govtypes.ModuleName, &govv1.Module{}),
		moduleConfig(authz.ModuleName, &authzv1.Module{}),
		moduleConfig("tx", &txconfigv1.Config{}),
	}}), depinject.Provide(ProvideCommunityPool))
}

// communityPool takes what governance gives up. There is no distribution of rewards on this chain.
type communityPool struct{}

func (communityPool) FundCommunityPool(context.Context, sdk.Coins, sdk.AccAddress) error { return nil }

// ProvideCommunityPool is exported because depinject takes no other providers.
func ProvideCommunityPool() govtypes.DistributionKeeper { return communityPool{} }

func moduleConfig(name string, settings proto.Message) *appv1.ModuleConfig {
	return &appv1.ModuleConfig{Name: name, Config: appconfig.WrapAny(settings)}
}

// app is what the server runs, plus what export needs.
type app struct {
	*runtime.App
	encoding codec.Codec
	staking  *stakingkeeper.Keeper
}

// openApp builds the application over its database. At the latest height, unless latest is false.
func openApp(logger log.Logger, db dbm.DB, trace io.Writer, latest bool, options servertypes.AppOptions) (*app, error) {
	var (
		builder  *runtime.AppBuilder
		encoding codec.Codec
		staking  *stakingkeeper.Keeper
		upgrades *upgradekeeper.Keeper
	)
	config := depinject.Configs(appConfig(), depinject.Supply(logger, options))
	if err := depinject.Inject(config, &builder, &encoding, &staking, &upgrades); err != nil {
		return nil, err
	}
	built := builder.Build(db, trace, server.DefaultBaseappOptions(options)...)
	home, _ := options.Get(flags.FlagHome).(string)
	faults := newFaults(filepath.Join(home, "faults"), logger)
	scoring, encryption := newScoring(), newEncryption()
	if err := built.RegisterStores(faults.store, scoring.store, encryption.store); err != nil {
		return nil, err
	}
	if err := built.RegisterModules(faults, scoring, encryption); err != nil {
		return nil, err
	}
	built.SetPostHandler(scoring.afterTransaction)
	if release != "1" {
		upgrades.SetUpgradeHandler("v2", keepEverything)
	}
	if err := built.Load(latest); err != nil {
		return nil, err
	}
	return &app{built, encoding, staking}, nil
}
