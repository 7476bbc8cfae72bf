/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names and help texts of espial/reasons.def. */
#include "model/state.h"

struct text {
	const char *name, *help;
};

#define TEXT(sym, name, help) {name, help},

static const struct text classes[] = {
#define ESP_CLASS TEXT
#include "espial/reasons.def"
#undef ESP_CLASS
};

static const struct text reasons[] = {
	{"ok", "not rejected"},
#define ESP_REASON TEXT
#include "espial/reasons.def"
#undef ESP_REASON
};

static const struct text losses[] = {
#define ESP_LOSS TEXT
#include "espial/reasons.def"
#undef ESP_LOSS
};

_Static_assert(sizeof(classes) / sizeof(*classes) == ESP_CLASS_COUNT, "a text per class");
_Static_assert(sizeof(reasons) / sizeof(*reasons) == ESP_REASON_COUNT, "a text per reason");
_Static_assert(sizeof(losses) / sizeof(*losses) == ESP_LOSS_COUNT, "a text per loss");

const char *esp_class_name(enum esp_class cls)
{
	return cls < ESP_CLASS_COUNT ? classes[cls].name : "?";
}

const char *esp_class_help(enum esp_class cls)
{
	return cls < ESP_CLASS_COUNT ? classes[cls].help : "?";
}

const char *esp_reason_name(enum esp_reason reason)
{
	return reason < ESP_REASON_COUNT ? reasons[reason].name : "?";
}

const char *esp_reason_help(enum esp_reason reason)
{
	return reason < ESP_REASON_COUNT ? reasons[reason].help : "?";
}

const char *esp_loss_name(enum esp_loss loss)
{
	return loss < ESP_LOSS_COUNT ? losses[loss].name : "?";
}

const char *esp_loss_help(enum esp_loss loss)
{
	return loss < ESP_LOSS_COUNT ? losses[loss].help : "?";
}

const char *state_tunnel_state_name(enum state_tunnel_state state)
{
	static const char *const names[STATE_TUNNEL_STATES] = {
		[STATE_TUNNEL_DOWN] = "down",
		[STATE_TUNNEL_NEGOTIATING] = "negotiating",
		[STATE_TUNNEL_IDLE] = "idle",
		[STATE_TUNNEL_UP] = "up",
	};

	return state < STATE_TUNNEL_STATES ? names[state] : "unknown";
}
