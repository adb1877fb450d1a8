"""What columns, months and files are called, as data. Names are in the form of `column_names.plain`."""

# Of each role the names, the surest first; `weak` names need a second look, see `mapping`.
COLUMNS: dict[str, dict[str, str]] = {
    "date": {
        "English": (
            "date, datetime, date time, timestamp, trade date, trading date, trading day, quote date, "
            "price date, pricing date, exchange date, effective date, observation date, as of date, "
            "as of, snapped at, ts event, "
            "session date, session, day, dates, dt, dtyyyymmdd, yyyymmdd, time, bar time, open time, "
            "start time, begin, start, candle time, candle begin time, gmt time, utc time, local time, "
            "time utc, time gmt, date utc, date gmt, window start, period start, unix, unix time, "
            "unix timestamp, epoch, time stamp, ts, timestamp ms, index level 0, index, t, business date, "
            "time period, period end, month end, quarter end, week end, month ending, quarter ending, week ending, "
            "year month"
        ),
        "German": "datum, zeit, zeitpunkt, handelstag, zeitstempel, kursdatum, datum zeit",
        "French": "séance, jour, horodatage, heure date, date séance",
        "Spanish": "fecha, fecha hora, día",
        "Polish": "data, data notowania, data sesji, czas",
        "Portuguese": "data pregão, data do pregão, dia, data hora",
        "Chinese": "日期, 交易日期, 时间, 交易时间, 交易日, 日期时间, 時間, 日線日期",
        "Japanese": "日付, 日時, 年月日, 取引日, 時刻",
        "Others": "fecha valor, dato, päivä, tarih, дата, data giorno",
        "weak": (
            "month, quarter, week, monat, quartal, woche, mois, trimestre, semaine, mes, semana, miesiąc, mês, 月, "
            "月份, 年月"
        ),
    },
    "time": {
        "English": "time, time of day, hour, clock, tradetime, trade time, bar time, timehhmm, t",
        "German": "zeit, uhrzeit",
        "French": "heure",
        "Spanish": "hora",
        "Polish": "czas, godzina",
        "Portuguese": "horário",
        "Chinese": "时间, 時間, 交易时间",
        "Japanese": "時刻, 時間",
        "Others": "время",
    },
    "symbol": {
        "English": (
            "symbol, ticker, ts code, stock code, ticker symbol, tickers, symbols, trading symbol, "
            "tradingsymbol, act symbol, code, pair, instrument, security, tic, ric, contract, asset, coin, "
            "secid, scrip, tckrsymb, sc code, instrument id, security code, isin"
        ),
        "German": "kürzel, wertpapier, wkn",
        "French": "symbole, valeur, libellé",
        "Spanish": "símbolo, valor",
        "Polish": "walor, instrument, nazwa",
        "Portuguese": "símbolo, ativo, código, codneg",
        "Chinese": "股票代码, 证券代码, 代码, 代號, 證券代號, 股票代號, 合约, 基金代码, 品种",
        "Japanese": "銘柄コード, コード, 銘柄, 証券コード",
        "weak": "name, company, series name, key, series key",
    },
    "close": {
        "English": (
            "close, close last, closing price, close price, closeprice, last, last price, px last, settle, "
            "settlement, settlement price, settle price, px settle, last traded price, ltp, last done, cl, "
            "latest, close mid, mid close, closeask, closebid, close bid, close ask, bid close, ask close, "
            "price close, trade close, clsric, clspric, end, c"
        ),
        "German": "schluss, schlusskurs, letzter, schlußkurs, zuletzt",
        "French": "clôture, cloture, dernier, cours de clôture, clot, fermeture, cours",
        "Spanish": "cierre, último, ultimo, precio de cierre",
        "Polish": "zamknięcie, zamkniecie, kurs zamknięcia, ostatnio",
        "Portuguese": "fechamento, fecho, preço de fechamento, preult, fech",
        "Chinese": "收盘, 收盘价, 收盤價, 收盤, 最新价",
        "Japanese": "終値, 終り値, 現在値, 終値円",
        "Others": "chiusura, slotkoers, stängning, kapanış, закрытие, цена закрытия",
        "weak": (
            "price, value, nav, px, rate, index value, index level, total return, kurs, wert, prix, precio, "
            "preço, cena, kurs otwarcia zamknięcia, 净值, 单位净值, 価格, 基準価額, 基準価額円, level, "
            "unit price, net asset value, nav per share, mid, mid price, adjusted price, fixing, "
            "obs value, observation value"
        ),
    },
    "open": {
        "English": (
            "open, opening price, open price, openprice, px open, opnpric, op, first, openbid, open bid, "
            "bid open, price open, trade open, mid open, open mid, openask, open ask, o"
        ),
        "German": "eröffnung, eröffn, eröffnungskurs, erster, eroeffnung, start",
        "French": "ouverture, ouv, cours d'ouverture, premier cours",
        "Spanish": "apertura, precio de apertura",
        "Polish": "otwarcie, kurs otwarcia",
        "Portuguese": "abertura, preço de abertura, preabe, abe",
        "Chinese": "开盘, 开盘价, 開盤價, 開盤, 今开",
        "Japanese": "始値, 始め値, 始値円",
        "Others": "apertura prezzo, açılış, öppning, открытие",
    },
    "high": {
        "English": (
            "high, high price, highprice, px high, day high, highest, max, hghpric, hi, highbid, high bid, "
            "bid high, price high, trade high, mid high, high mid, highask, high ask, h"
        ),
        "German": "hoch, höchst, tageshoch, höchster, höchstkurs, hoechst",
        "French": "haut, plus haut, + haut, plus haut du jour",
        "Spanish": "máximo, maximo, máx, alto, precio máximo",
        "Polish": "najwyższy, najwyzszy, maksimum, kurs maksymalny, max",
        "Portuguese": "máxima, maxima, premax, preço máximo, alta",
        "Chinese": "最高, 最高价, 最高價",
        "Japanese": "高値, 高値円",
        "Others": "massimo, hoogste, yüksek, högst, максимум, max cena",
    },
    "low": {
        "English": (
            "low, low price, lowprice, px low, day low, lowest, min, lwpric, lo, lowbid, low bid, bid low, "
            "price low, trade low, mid low, low mid, lowask, low ask, l"
        ),
        "German": "tief, tiefst, tagestief, niedrigster, tiefstkurs, tiefster",
        "French": "bas, plus bas, + bas, plus bas du jour",
        "Spanish": "mínimo, minimo, mín, bajo, precio mínimo",
        "Polish": "najniższy, najnizszy, minimum, kurs minimalny, min",
        "Portuguese": "mínima, minima, premin, preço mínimo, baixa",
        "Chinese": "最低, 最低价, 最低價",
        "Japanese": "安値, 安値円",
        "Others": "minimo prezzo, laagste, düşük, lägst, минимум",
    },
    "volume": {
        "English": (
            "volume, vol, share volume, shares traded, total traded quantity, total trade quantity, "
            "tottrdqty, ttltradgvol, no of shares, px volume, trade volume, total volume, traded volume, "
            "quantity, qty, tick volume, tickvol, tickqty, real volume, base volume, volume base, v, vo, "
            "accumulated volume, volume shares"
        ),
        "German": "volumen, stück, umsatz stück, umsatz, gehandelte stücke, handelsvolumen",
        "French": "vol titres, quantité, volume titres",
        "Spanish": "volumen, cantidad",
        "Polish": "wolumen, wol, obrót",
        "Portuguese": "quatot, quantidade",
        "Chinese": "成交量, 成交股數, 成交量 手, 成交股数",
        "Japanese": "出来高, 出来高株, 売買高",
        "Others": "hacim, volym, объем, объём",
    },
    "adj_close": {
        "English": (
            "adj close, adjclose, adjusted close, adjusted closing price, adj closing price, close adj, "
            "close adjusted, adjusted close price, px last adj, adjusted"
        ),
        "German": "bereinigter schluss, bereinigter schlusskurs, schluss bereinigt",
        "French": "clôture ajustée, cloture ajustee, clôture aj",
        "Spanish": "cierre ajustado, cierre ajust, cierre aj",
        "Polish": "zamknięcie skorygowane",
        "Portuguese": "fechamento ajustado, fech ajust, fecho ajustado",
        "Chinese": "复权收盘价, 后复权收盘价, 前复权收盘价",
        "Japanese": "調整後終値",
    },
    "other": {
        "English": (
            "change, change %, chg, chg %, % chg, pct change, pct chg, pctchange, percent change, "
            "net change, % change, change percent, change pct, turnover, amount, trades, trade count, "
            "number of trades, count, n, vw, vwap, wap, weighted average, average, avg, isin, series, "
            "currency, ccy, exchange, market, dividends, dividend, dividend amount, ex dividend, div cash, "
            "stock splits, split, split ratio, split factor, split coefficient, capital gains, "
            "open interest, openint, open int, oi, prev close, prevclose, previous close, pre close, prev, "
            "previous day open interest, efp volume, efs volume, block volume, spread, quote volume, "
            "close time, quote asset volume, taker buy base, taker buy quote, ignore, adj open, adj high, "
            "adj low, adj volume, source, market cap, marketcap, shares outstanding, volume ma, per, period, "
            "interval, time period, timezone, total traded value, tottrdval, totaltrades, deliverable qty, "
            "deliverable volume, bid, ask, has gaps, transactions, per type, total assets, net assets, "
            "total net assets, year, month, ex date, premium, discount, status, notes, row, id, no, "
            "realtime start, realtime end, timestamp end, time close, time high, time low"
        ),
        "German": ("veränderung, veränderung %, änderung, +/- %, diff %, währung, vortag, diff, geldkurs, briefkurs"),
        "French": "variation, var, var %, devise, variation %",
        "Spanish": "variación, variación %, % var, var, cambio, divisa",
        "Polish": "zmiana, zmiana %, waluta, liczba transakcji",
        "Portuguese": "variação, variação %, var, moeda",
        "Chinese": (
            "涨跌幅, 涨跌额, 涨跌, 换手率, 成交额, 振幅, 成交金额, 成交金額, 前收盘, 昨收, 涨幅%, 名称, "
            "漲跌價差, 成交筆數, 股票名称"
        ),
        "Japanese": "前日比, 前日比%, 変化率, 変化率 %, 騰落率, 売買代金, 純資産総額",
    },
}

# Month names in other languages, by their English beginning: `01 ene 2020`, `2. März 2020`.
MONTHS = {
    "Jan": "jänner januar janvier janv enero ene styczeń stycznia sty janeiro gennaio gen",
    "Feb": "februar février fevrier févr fev fév febrero luty lutego lut fevereiro fev febbraio",
    "Mar": "märz mär mrz mars marzo marzec marca março marz",
    "Apr": "april avril avr abril abr kwiecień kwietnia kwi aprile",
    "May": "mai mayo maj maja maio maggio mag",
    "Jun": "juni juin junio czerwiec czerwca cze junho giugno giu",
    "Jul": "juli juillet juil julio lipiec lipca lip julho luglio lug",
    "Aug": "august août aout agosto ago sierpień sierpnia sie",
    "Sep": "sept september septembre septiembre wrzesień września wrz setembro set settembre",
    "Oct": "oktober okt octobre octubre październik października paź outubro out ottobre ott",
    "Nov": "november novembre noviembre listopad listopada lis novembro",
    "Dec": "dezember dez décembre déc diciembre dic grudzień grudnia gru dezembro dicembre",
}

# Abbreviations behind a time, as hours from UTC; where two zones share one, the exchange's.
ZONES = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "BST": 1, "WEST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2,
    "EEST": 3, "MSK": 3, "IST": 5.5, "SGT": 8, "HKT": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12,
    "NZDT": 13, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "BRT": -3,
}  # fmt: skip

EXCHANGES = (
    "binance binanceus bitfinex bitget bitmex bitstamp bittrex bybit coinbase deribit gateio gemini huobi htx kraken"
    " kucoin mexc okex okx poloniex nasdaq nyse amex arca bats cboe cme cbot comex nymex ice eurex xetra lse euronext"
    " tsx asx hkex nse bse sse szse tse krx sgx six fx fxcm oanda dukascopy forexcom pepperstone tvc sp dj index"
    " cryptocap capitalcom stooq yahoo histdata"
)
INTERVALS = (
    r"\d{1,4} ?(s|sec|seconds?|m|min|mins|minutes?|h|hr|hrs|hours?|d|days?|w|wk|weeks?|mo|mth|months?|y|yr|years?)"
    r"|[mhdw]\d{1,4}|daily|weekly|monthly|hourly|intraday|minutes?|day|eod|tick"
)
MINUTES = "1|5|15|30|60|120|240|720|1440|10080|43200"
FILE_WORDS = (
    "historical history historic data prices price quotes quote export download ohlc ohlcv ohlcvt candles klines kline"
    " adjusted unadjusted adjsplit adjsplitdiv full compact max stock stocks bars ascii dat bid ask etf index chart csv"
    " historische historischer daten kurse kursdaten historiques historique données cours históricos datos dados"
    " historyczne dane notowania 历史数据 历史行情 过去データ 過去データ 株価"
)
ENDINGS = (
    "csv tsv tab txt prn dat asc data parquet pq feather arrow ipc json jsonl ndjson xlsx xlsm xlsb xls ods"
    " gz gzip zip bz2 xz zst"
)
