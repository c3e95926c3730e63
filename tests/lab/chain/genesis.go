package main

import (
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/types/module"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	"github.com/cosmos/cosmos-sdk/x/genutil"
	genutilcli "github.com/cosmos/cosmos-sdk/x/genutil/client/cli"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"
	stakingcli "github.com/cosmos/cosmos-sdk/x/staking/client/cli"
)

// genesisCommand holds the SDK's genesis commands under the names they have on the real program,
// which has no init at the root and wants to be told the minimum self-delegation.
func genesisCommand(tx client.TxConfig, basics module.BasicManager) *cobra.Command {
	checked := genutil.NewAppModuleBasic(genutiltypes.DefaultMessageValidator)
	basics[genutiltypes.ModuleName] = checked
	balances := banktypes.GenesisBalancesIterator{}
	addresses := tx.SigningContext().AddressCodec()
	validators := tx.SigningContext().ValidatorAddressCodec()

	init := genutilcli.InitCmd(basics, defaultHome())
	add := genutilcli.AddGenesisAccountCmd(defaultHome(), addresses)
	add.Use = "add-account ADDRESS COIN,..."
	gentx := genutilcli.GenTxCmd(basics, tx, balances, defaultHome(), validators)
	if err := gentx.MarkFlagRequired(stakingcli.FlagMinSelfDelegation); err != nil {
		panic(err)
	}
	collect := genutilcli.CollectGenTxsCmd(balances, defaultHome(), checked.GenTxValidator, validators)
	collect.Use = "collect"

	genesis := &cobra.Command{Use: "genesis", Short: "Genesis subcommands", RunE: client.ValidateCmd}
	genesis.AddCommand(init, add, gentx, collect, genutilcli.ValidateGenesisCmd(basics))
	return genesis
}
